// When to stop restarting: the restart intensity of OTP's supervisors, with one difference: a part
// that got work done before it died is not held against anybody.
#pragma once

#include "engine/api/engine_config.h"
#include "engine/base/time.h"

#include <deque>

namespace troupe {

/// Owned by a supervisor; not thread-safe.
class RestartBudget {
 public:
  explicit RestartBudget(RestartIntensity intensity) : intensity_(intensity) {}

  /// Asks for one more restart at `now`. False: `max_restarts` were spent within the window, and no
  /// step was completed in between.
  [[nodiscard]] bool spend(TimePoint now);

  /// A step came to its end: what was spent before is forgiven.
  void completed_step() { spent_.clear(); }

 private:
  RestartIntensity intensity_;
  std::deque<TimePoint> spent_;  // ascending, none older than the window
};

}  // namespace troupe
