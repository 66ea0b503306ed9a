#include "engine/scheduling/step_pace.h"

#include <algorithm>
#include <limits>

namespace troupe {
namespace {

// A dozen steps are remembered: fast enough for a batch that grows, slow enough for one odd step.
constexpr double kWeightOfNewest = 1.0 / 12;

void blend(double& mean, double measured) {
  mean = mean == 0 ? measured : mean + kWeightOfNewest * (measured - mean);
}

}  // namespace

void StepPace::observe(std::int64_t num_prefill_tokens,
                       std::int64_t num_decode_tokens,
                       Duration device_time) {
  const auto seconds = in_seconds(device_time);
  if (num_prefill_tokens == 0) {
    blend(decode_seconds_, seconds);
    return;
  }
  const auto decodes = num_decode_tokens > 0 ? decode_seconds_ : 0;
  const auto prefill = std::max(seconds - decodes, 0.0);
  blend(seconds_per_prefill_token_, prefill / static_cast<double>(num_prefill_tokens));
}

std::int32_t StepPace::prefill_tokens_within(Duration target, std::int32_t unknown) const {
  if (seconds_per_prefill_token_ <= 0) {
    return unknown;
  }
  const auto left = in_seconds(target) - decode_seconds_;
  const auto tokens = std::max(left, 0.0) / seconds_per_prefill_token_;
  return static_cast<std::int32_t>(
      std::min(tokens, static_cast<double>(std::numeric_limits<std::int32_t>::max())));
}

policies::Pace StepPace::pace() const {
  return policies::Pace{from_seconds(seconds_per_prefill_token_), from_seconds(decode_seconds_)};
}

}  // namespace troupe
