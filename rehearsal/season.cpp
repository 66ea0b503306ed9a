#include "rehearsal/season.h"

#include "rehearsal/vocabulary.h"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>

namespace troupe::rehearsal {
namespace {

/// Seeds that a thread takes at once.
constexpr std::int64_t kBatch = 16;

// Hands out seeds and gathers what became of them. Shared by the threads of a season.
class Ledger {
 public:
  explicit Ledger(const SeasonOptions& options) : options_(options) {}

  /// The next seeds, as [begin, end) of their numbers in the season; empty: no more.
  std::pair<std::int64_t, std::int64_t> take() {
    const std::scoped_lock lock(mutex_);
    if (season_.failures.size() >= kMaxFailures) {
      return {0, 0};
    }
    const auto begin = next_;
    next_ = std::min(next_ + kBatch, options_.num_seeds);
    return {begin, next_};
  }

  void give(std::int64_t num_seeds, const Sightings& sightings, std::vector<Failure> failures) {
    const std::scoped_lock lock(mutex_);
    season_.num_seeds += num_seeds;
    season_.sightings.add(sightings);
    std::ranges::move(failures, std::back_inserter(season_.failures));
    if (options_.progress) {
      options_.progress(season_.num_seeds);
    }
  }

  Season close() {
    std::ranges::sort(season_.failures, {}, &Failure::seed);
    return std::move(season_);
  }

 private:
  const SeasonOptions& options_;
  std::mutex mutex_;
  std::int64_t next_ = 0;
  Season season_;
};

void play(const SeasonOptions& options, Ledger& ledger) {
  const auto tokenizer = rehearsal_tokenizer();
  for (auto [begin, end] = ledger.take(); begin < end; std::tie(begin, end) = ledger.take()) {
    Sightings sightings;
    std::vector<Failure> failures;
    for (auto number = begin; number < end; ++number) {
      const auto seed = options.first_seed + static_cast<std::uint64_t>(number);
      auto outcome = perform(seed, tokenizer);
      sightings.add(outcome.sightings);
      if (outcome.broken) {
        failures.push_back(Failure{seed, *std::move(outcome.broken)});
      }
    }
    ledger.give(end - begin, sightings, std::move(failures));
  }
}

}  // namespace

std::vector<std::string_view> Season::never_seen() const {
  std::vector<std::string_view> unseen;
  if (num_seeds < kSeedsForCoverage) {
    return unseen;
  }
  for (const auto& [sight, name] : sight_names()) {
    if (sightings.count(sight) == 0) {
      unseen.push_back(name);
    }
  }
  return unseen;
}

Season play_season(const SeasonOptions& options) {
  Ledger ledger(options);
  std::vector<std::thread> threads;
  for (std::int32_t job = 1; job < options.num_jobs; ++job) {
    threads.emplace_back([&] { play(options, ledger); });
  }
  play(options, ledger);
  for (auto& thread : threads) {
    thread.join();
  }
  return ledger.close();
}

}  // namespace troupe::rehearsal
