// The embedding of each token of a step. A token that the device itself has sampled, and that the
// host need not know yet, is read from the seat that it belongs to.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/bfloat16.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

/// How a token list names the last token that was sampled for a seat.
[[nodiscard]] constexpr std::int32_t token_of_seat(std::int32_t seat) {
  return -1 - seat;
}

struct EmbedArgs {                           // T tokens, H hidden size
  const std::int32_t* tokens = nullptr;      // [T] a token, or token_of_seat(seat)
  const std::int32_t* last_token = nullptr;  // [seats]
  const Bf16* embedding = nullptr;           // [V, H]
  float* residual = nullptr;                 // [T, H] written
  std::int32_t num_tokens = 0;               // T
  std::int32_t hidden_size = 0;              // H, a multiple of 4
};

/// Enqueues one launch. Moves 6 * T * H bytes: bound by bandwidth.
[[nodiscard]] Result<void> embed(const EmbedArgs& args, cudaStream_t stream);

}  // namespace troupe::cuda
