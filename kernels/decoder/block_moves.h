// What a plan moves between blocks and host slots before its rows compute, as every device sees it.
#pragma once

#include "engine/step/backend.h"
#include "engine/step/step.h"

#include <span>

namespace troupe {

/// A view of a plan, in the order in which it takes effect: all of `out`, all of `in`, all of
/// `copies`, then the rows. Within one of the three the order makes no difference. What `out` wrote
/// may be read by `in`, and what `in` wrote by `copies`.
struct BlockMoves {
  std::span<const BlockSwap> out;     // device to host
  std::span<const BlockSwap> in;      // host to device
  std::span<const BlockCopy> copies;  // on the device, whole blocks

  [[nodiscard]] bool empty() const { return out.empty() && in.empty() && copies.empty(); }
};

[[nodiscard]] BlockMoves moves_of(const StepPlan& plan);

/// Checked: blocks and slots exist; none is written twice; no copy reads what another one writes.
/// Costs O(n log n) in the moves.
void check_moves(const BlockMoves& moves, const BackendDescription& limits);

}  // namespace troupe
