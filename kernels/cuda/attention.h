// Causal attention over the paged cache. Decode (one query token a sequence) splits the context
// over the device; prefill packs the query heads of a KV head and the tokens of a chunk into rows.
// Both give a row the same bits.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/bfloat16.h"
#include "kernels/cuda/kv_cache.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

/// Query heads of one KV head, at most: the rows of a matrix instruction.
inline constexpr std::int32_t kMaxGroup = 16;
/// Packed rows (tokens * group) of one block of the prefill kernel.
inline constexpr std::int32_t kPrefillRows = 64;

/// Keys of one decode split. Absolute, so that a row's sum never depends on the batch.
inline constexpr std::int32_t kDecodeSplitKeys = 256;

[[nodiscard]] constexpr std::int32_t num_decode_splits(std::int32_t context_length) {
  return (context_length + kDecodeSplitKeys - 1) / kDecodeSplitKeys;
}

/// What both kernels read: S sequences, H query heads, D head size.
struct AttentionInput {
  const Bf16* query = nullptr;    // [T, query_stride], the first H * D of each row
  std::int32_t query_stride = 0;  // elements
  std::int32_t num_heads = 0;     // H; H / KV heads at most 16
  KvLayer cache;                  // D: 64, 96 or 128
  float scale = 0.0F;
  const std::int32_t* tables = nullptr;           // [seats, table_width] blocks by position
  std::int32_t table_width = 0;                   // a multiple of 4; entries past the end are valid
  const std::int32_t* seats = nullptr;            // [S]
  const std::int32_t* query_starts = nullptr;     // [S] first token
  const std::int32_t* query_lengths = nullptr;    // [S] tokens
  const std::int32_t* context_lengths = nullptr;  // [S] keys that the last token sees
};

/// Some neighbouring splits of one sequence, computed one after the other.
struct alignas(16) DecodeItem {
  std::int32_t sequence = 0;
  std::int32_t first_split = 0;
  std::int32_t num_splits = 0;
  std::int32_t first_partial = 0;  // where the sequence's split 0 has its place in the scratch
};

/// One tile of rows of one sequence.
struct PrefillItem {
  std::int32_t sequence = 0;
  std::int32_t first_row = 0;  // a multiple of kPrefillRows
};

struct DecodeAttentionArgs {
  AttentionInput input;
  const DecodeItem* items = nullptr;
  const std::int32_t* num_items = nullptr;  // on the device, so that a graph can be replayed
  std::int32_t max_items = 0;               // no more than this are read
  float* partial_values = nullptr;          // [splits, KV heads, group, D] scratch
  float2* partial_sums = nullptr;           // [splits, KV heads, group] scratch: largest score, sum
  std::int32_t* arrived = nullptr;          // [S, KV heads] scratch, zero before and after
  Bf16* attended = nullptr;                 // [T, H * D] written
  std::int32_t num_blocks = 0;              // of the launch: as many as the device runs at once
};

/// Enqueues one launch. Reads every key and value once: bound by bandwidth. Who finishes a
/// sequence's last split merges all of them, in order.
[[nodiscard]] Result<void> decode_attention(const DecodeAttentionArgs& args, cudaStream_t stream);

/// What to launch `decode_attention` with on the current device.
[[nodiscard]] Result<std::int32_t> decode_attention_blocks(std::int32_t head_size);

struct PrefillAttentionArgs {
  AttentionInput input;
  const PrefillItem* items = nullptr;
  std::int32_t num_items = 0;
  Bf16* attended = nullptr;  // [T, H * D] written
};

/// Enqueues one launch. Does 4 * D operations for each query head, token and key that it sees:
/// bound by the matrix units.
[[nodiscard]] Result<void> prefill_attention(const PrefillAttentionArgs& args, cudaStream_t stream);

}  // namespace troupe::cuda
