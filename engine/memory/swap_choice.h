// Whether the content of a preempted block moves to the host or is computed anew.
#pragma once

#include "engine/memory/memory_config.h"

#include <cstdint>

namespace troupe {

enum class SwapChoice : std::uint8_t { recompute, move };

/// A pure function of the device's figures. Moving costs the link twice, out and in; computing
/// costs a block's share of a prefill. Left to itself (`automatic`) the cheaper one is chosen, and
/// computing where a figure is unknown or both cost the same. Per block: both costs are in
/// proportion to the blocks. That a later token's attention reads more context makes computing
/// dearer than assumed, never cheaper.
[[nodiscard]] constexpr SwapChoice swap_choice(const MemoryConfig& config) {
  if (config.num_host_blocks == 0 || config.preemption == PreemptionMode::recompute) {
    return SwapChoice::recompute;
  }
  if (config.preemption == PreemptionMode::swap) {
    return SwapChoice::move;
  }
  if (config.bytes_per_block <= 0 || config.host_link_bytes_per_second <= 0 ||
      config.prefill_tokens_per_second <= 0) {
    return SwapChoice::recompute;
  }
  const auto moving =
      2.0 * static_cast<double>(config.bytes_per_block) / config.host_link_bytes_per_second;
  const auto computing = config.block_size / config.prefill_tokens_per_second;
  return moving < computing ? SwapChoice::move : SwapChoice::recompute;
}

}  // namespace troupe
