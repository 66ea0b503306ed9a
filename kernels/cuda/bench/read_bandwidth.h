// The ceiling of everything that reads: how fast the device streams its memory in.
#pragma once

#include "engine/base/result.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

/// Enqueues one launch that reads `num_bytes` (a multiple of 16) once; `sink` [1] keeps the
/// compiler honest.
[[nodiscard]] Result<void> read_memory(const void* source,
                                       std::int64_t num_bytes,
                                       unsigned* sink,
                                       cudaStream_t stream);

}  // namespace troupe::cuda
