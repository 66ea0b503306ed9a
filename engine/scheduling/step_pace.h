// How fast the device has shown itself: learned from the steps that came back. Serves the latency
// target (how many prefill tokens fit beside the decodes) and deadlines (who can still make it).
#pragma once

#include "engine/base/time.h"
#include "engine/scheduling/policies/deadline.h"

#include <cstdint>

namespace troupe {

/// A step's time as decodes + prefill tokens · price, both as running means of what was measured.
/// Owned by the scheduler; not thread-safe.
class StepPace {
 public:
  void observe(std::int64_t num_prefill_tokens,
               std::int64_t num_decode_tokens,
               Duration device_time);

  /// The prefill tokens that fit into a step beside its decodes if it is to take no longer than
  /// `target`; nothing is known before the first prefill, and then `unknown` is the answer.
  [[nodiscard]] std::int32_t prefill_tokens_within(Duration target, std::int32_t unknown) const;

  [[nodiscard]] policies::Pace pace() const;

 private:
  double decode_seconds_ = 0;
  double seconds_per_prefill_token_ = 0;
};

}  // namespace troupe
