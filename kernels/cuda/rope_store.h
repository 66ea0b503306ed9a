// What stands between the qkv matmul and attention: biases, norms of query and key heads, rotary
// embedding, and the write of keys and values into the paged cache, in one pass.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/bfloat16.h"
#include "kernels/cuda/kv_cache.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

struct RopeStoreArgs {                      // T tokens, H query heads, G KV heads, D head size
  Bf16* qkv = nullptr;                      // [T, (H + 2 G) D] read; its query part is written back
  const Bf16* bias = nullptr;               // [(H + 2 G) D] or null
  const Bf16* query_norm = nullptr;         // [D] or null
  const Bf16* key_norm = nullptr;           // [D], with query_norm
  const float2* rope = nullptr;             // [positions, rotary / 2] cos and sin
  const std::int32_t* positions = nullptr;  // [T]
  const std::int32_t* slots = nullptr;      // [T] block * 16 + offset; negative: not stored
  KvLayer cache;                            // written
  std::int32_t num_tokens = 0;              // T
  std::int32_t num_heads = 0;               // H
  std::int32_t rotary_dim = 0;              // a multiple of 4, at most D
  float norm_epsilon = 0.0F;
};

/// Enqueues one launch. Moves 4 * T * (H + 2 G) * D bytes: bound by launch latency in decode.
[[nodiscard]] Result<void> rope_store(const RopeStoreArgs& args, cudaStream_t stream);

struct RopeTableArgs {
  const float* inverse_frequency = nullptr;  // [rotary / 2]
  float2* table = nullptr;                   // [positions, rotary / 2] written: cos, sin
  float attention_factor = 1.0F;
  std::int32_t num_positions = 0;
  std::int32_t num_pairs = 0;  // rotary / 2
};

/// Enqueues one launch that fills the table which `rope_store` reads. Once, at start.
[[nodiscard]] Result<void> rope_table(const RopeTableArgs& args, cudaStream_t stream);

}  // namespace troupe::cuda
