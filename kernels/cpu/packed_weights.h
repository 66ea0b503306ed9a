// Weight matrices in the order in which the product kernel reads them.
#pragma once

#include "engine/model/weights.h"
#include "kernels/cpu/path_kernels.h"
#include "kernels/cpu/thread_team.h"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe::cpu {

/// N outputs of K inputs in bfloat16, as panels of 48 outputs: [N / 48][K / 2][48][2]. The last
/// panel is only as many vectors wide as it needs; an odd K is filled up with zeros.
struct PackedMatrix {
  const Bf16* data = nullptr;    // of an arena
  std::int32_t num_outputs = 0;  // N
  std::int32_t num_inputs = 0;   // K

  [[nodiscard]] std::int32_t num_pairs() const { return (num_inputs + 1) / 2; }

  [[nodiscard]] std::int32_t num_panels() const {
    return (num_outputs + kPanelColumns - 1) / kPanelColumns;
  }

  [[nodiscard]] const Bf16* panel(std::int32_t index) const {
    return data + std::int64_t{index} * num_pairs() * kPanelColumns * 2;
  }

  /// Outputs of a panel.
  [[nodiscard]] std::int32_t columns(std::int32_t index) const {
    const auto left = num_outputs - index * kPanelColumns;
    return left < kPanelColumns ? left : kPanelColumns;
  }

  /// Vectors of a panel.
  [[nodiscard]] std::int32_t vectors(std::int32_t index) const {
    return (columns(index) + kVectorColumns - 1) / kVectorColumns;
  }
};

/// Elements that N outputs of K inputs take.
[[nodiscard]] std::int64_t packed_elements(std::int32_t num_outputs, std::int32_t num_inputs);

/// The matrices of `parts`, [n, K] each, one below the other, packed to `to` (zeroed,
/// `packed_elements` long). Float16 and float32 are rounded to bfloat16.
[[nodiscard]] PackedMatrix pack(std::span<const TensorView> parts, Bf16* to, ThreadTeam& team);

/// The vectors of `parts` end to end in float32, a missing one as zeros of the size that `sizes`
/// says. Empty when all are missing.
[[nodiscard]] std::vector<float> widen_vectors(std::span<const TensorView> parts,
                                               std::span<const std::int32_t> sizes);

/// Row `row` of a [n, H] tensor in float32: `to` has room for H.
void widen_row(const TensorView& tensor, std::int64_t row, std::span<float> to);

}  // namespace troupe::cpu
