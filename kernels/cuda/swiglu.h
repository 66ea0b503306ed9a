// The gated activation of the MLP.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/bfloat16.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

struct SwigluArgs {                    // T tokens, I intermediate size
  const Bf16* gate_up = nullptr;       // [T, 2 I] gate, then up
  const Bf16* bias = nullptr;          // [2 I] or null
  Bf16* activated = nullptr;           // [T, I] written: silu(gate) * up
  std::int32_t num_tokens = 0;         // T
  std::int32_t intermediate_size = 0;  // I, a multiple of 8
};

/// Enqueues one launch. Moves 6 * T * I bytes: bound by bandwidth.
[[nodiscard]] Result<void> swiglu(const SwigluArgs& args, cudaStream_t stream);

}  // namespace troupe::cuda
