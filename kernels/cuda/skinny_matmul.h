// The matrix product of a few rows: streams the weights once, with the weights as the tall operand
// of mma.sync and k in its natural order, one sum for each output. That is the order of every
// algorithm that kernels/cuda/matmul takes from cuBLASLt, so both give the same bits.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/matmul.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

/// The width of a matrix instruction.
inline constexpr std::int32_t kMaxSkinnyRows = 8;

/// Whether the kernel takes this shape: at most 8 rows, outputs in multiples of 16, inputs of 128.
[[nodiscard]] bool is_skinny(const MatmulArgs& args);

/// Enqueues one launch. Reads 2 * N * K bytes of weights: bound by bandwidth. Checked: is_skinny.
[[nodiscard]] Result<void> skinny_matmul(const MatmulArgs& args, cudaStream_t stream);

}  // namespace troupe::cuda
