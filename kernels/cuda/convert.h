// Weights of other number formats, and random ones for measurements.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/bfloat16.h"

#include <cuda_fp16.h>
#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

/// target[i] = bfloat16(source[i]), to nearest, ties to even.
[[nodiscard]] Result<void> convert(const float* source,
                                   Bf16* target,
                                   std::int64_t count,
                                   cudaStream_t stream);
[[nodiscard]] Result<void> convert(const __half* source,
                                   Bf16* target,
                                   std::int64_t count,
                                   cudaStream_t stream);

/// Uniform numbers in [-bound, bound), a pure function of seed and index.
[[nodiscard]] Result<void> fill_random(
    Bf16* target, std::int64_t count, float bound, std::uint64_t seed, cudaStream_t stream);

}  // namespace troupe::cuda
