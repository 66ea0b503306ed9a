// How one step's tokens are shared between decodes and prefills. Decodes come first, so that a long
// prompt never makes them wait; but where there are prefills, a part is kept for them, so that
// neither starves.
#pragma once

#include "engine/api/scheduling_config.h"

#include <algorithm>
#include <cstdint>

namespace troupe {

/// Whether anybody is there, or could come in, with a prompt to compute.
enum class PrefillDemand : std::uint8_t { none, some };

struct TokenBudget {
  std::int32_t decode_tokens = 0;
  std::int32_t prefill_tokens = 0;
};

[[nodiscard]] constexpr std::int32_t capped(std::int32_t tokens, std::int32_t cap) {
  return cap > 0 ? std::min(tokens, cap) : tokens;
}

/// Splits `step_tokens`. `num_decodes`: running sequences that could decode a token each.
/// `latency_tokens`: what the latency target leaves to prefills.
[[nodiscard]] constexpr TokenBudget split_budget(const SchedulingConfig& config,
                                                 std::int32_t step_tokens,
                                                 std::int32_t num_decodes,
                                                 PrefillDemand demand,
                                                 std::int32_t latency_tokens) {
  // Half at most: a tiny budget belongs to both.
  const auto kept =
      demand == PrefillDemand::some ? std::min(config.min_prefill_tokens, step_tokens / 2) : 0;
  TokenBudget budget;
  budget.decode_tokens =
      std::min(num_decodes, capped(step_tokens - kept, config.max_decode_tokens));
  const auto left = capped(step_tokens - budget.decode_tokens, config.max_prefill_tokens);
  // The target bends before the part that is kept: an answer must begin some time.
  const auto within_target = std::max(latency_tokens, kept);
  budget.prefill_tokens = budget.decode_tokens > 0 ? std::min(left, within_target) : left;
  return budget;
}

}  // namespace troupe
