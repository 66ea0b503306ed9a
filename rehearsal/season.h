// Many seeds, played on several threads: each has its own actor systems, and they share nothing.
#pragma once

#include "rehearsal/performance.h"
#include "rehearsal/sightings.h"

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace troupe::rehearsal {

/// A run of at least so many seeds that never saw one of the sights has not tested it, and fails.
inline constexpr std::int64_t kSeedsForCoverage = 5000;
/// A season ends early after so many seeds that broke a promise.
inline constexpr std::size_t kMaxFailures = 10;

struct SeasonOptions {
  std::uint64_t first_seed = 0;
  std::int64_t num_seeds = 0;
  std::int32_t num_jobs = 1;
  /// Called now and then with the number of seeds played, by one thread at a time.
  std::function<void(std::int64_t)> progress;
};

struct Failure {
  std::uint64_t seed = 0;
  BrokenPromise broken;
};

struct Season {
  std::int64_t num_seeds = 0;  // played
  Sightings sightings;
  std::vector<Failure> failures;  // by seed

  /// What was never seen, though the season was long enough.
  [[nodiscard]] std::vector<std::string_view> never_seen() const;
};

[[nodiscard]] Season play_season(const SeasonOptions& options);

}  // namespace troupe::rehearsal
