// Durations counted in classes that are 1 % wide: percentiles of hundreds of millions of them in a
// few kilobytes.
#pragma once

#include "engine/base/time.h"

#include <cstdint>
#include <vector>

namespace troupe::simulation {

class LatencyHistogram {
 public:
  /// Negative durations count as none.
  void add(Duration duration, std::int64_t count = 1);
  void add(const LatencyHistogram& other);

  [[nodiscard]] std::int64_t count() const { return count_; }

  [[nodiscard]] Duration mean() const;  // exact; zero when empty

  [[nodiscard]] Duration longest() const { return longest_; }

  /// The smallest duration that at least the part `share` in [0, 1] does not exceed, up to 1 %
  /// more, and never above `longest()`. Zero when empty.
  [[nodiscard]] Duration percentile(double share) const;

  friend bool operator==(const LatencyHistogram&, const LatencyHistogram&) = default;

 private:
  std::vector<std::int64_t> classes_;
  std::int64_t count_ = 0;
  double sum_seconds_ = 0;
  Duration longest_{};
};

}  // namespace troupe::simulation
