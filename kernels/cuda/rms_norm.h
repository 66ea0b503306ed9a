// Residual addition and RMSNorm in one pass. The sum over a row is a tree whose shape depends on H
// alone, so a row's bits never depend on how many rows there are.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/bfloat16.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

struct AddNormArgs {                   // N rows, H hidden size
  float* residual = nullptr;           // [., H] read; written where delta is added to all rows
  const Bf16* delta = nullptr;         // [., H] what is added first; null: nothing
  const Bf16* delta_bias = nullptr;    // [H] added with delta; null: none
  const Bf16* weight = nullptr;        // [H]
  const std::int32_t* rows = nullptr;  // [N] which rows to read; null: row i is i. With it, the
                                       // residual is not written.
  Bf16* normed = nullptr;              // [N, H] written: rms_norm(residual + delta) * weight
  std::int32_t num_rows = 0;           // N
  std::int32_t hidden_size = 0;        // H, a multiple of 4, at most 16384
  float epsilon = 0.0F;
};

inline constexpr std::int32_t kMaxNormSize = 16384;

/// Enqueues one launch. Moves 12 * N * H bytes (residual twice, delta, normed): bound by bandwidth.
[[nodiscard]] Result<void> add_norm(const AddNormArgs& args, cudaStream_t stream);

}  // namespace troupe::cuda
