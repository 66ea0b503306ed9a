// How soon a refused client should come back: measured from how fast requests end.
#pragma once

#include "engine/base/time.h"

#include <cstddef>

namespace troupe::transport {

/// Remembers when the last requests ended. Time comes in as an argument.
class DrainRate {
 public:
  /// A request has ended and made room.
  void on_end(TimePoint now);

  /// How long until the next may find room, if things go on as they went: the mean gap between
  /// ends, never below `kShortest` nor above `kLongest`; `kUnknown` before two have ended.
  [[nodiscard]] Duration advice() const;

  static constexpr Duration kShortest = std::chrono::milliseconds(50);
  static constexpr Duration kLongest = std::chrono::seconds(60);
  static constexpr Duration kUnknown = std::chrono::seconds(1);

 private:
  bool has_last_ = false;
  bool has_gap_ = false;
  TimePoint last_{};
  Duration mean_gap_{};
};

}  // namespace troupe::transport
