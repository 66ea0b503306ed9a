// Which attention kernel computes which rows of a step: single tokens go to decode attention, split
// by split; chunks, and what exceeds decode's scratch memory, go to prefill attention.
#pragma once

#include "kernels/cuda/attention.h"
#include "kernels/decoder/packed_batch.h"

#include <cstdint>
#include <vector>

namespace troupe::cuda {

struct AttentionWork {
  std::vector<DecodeItem> decode;    // all splits of each of its sequences
  std::vector<PrefillItem> prefill;  // those that see the most keys first
};

/// The most prefill items that a step of so many tokens and sequences can need.
[[nodiscard]] std::int32_t max_prefill_items(std::int32_t num_tokens,
                                             std::int32_t num_sequences,
                                             std::int32_t group);

/// What the device offers.
struct AttentionRoom {
  std::int32_t num_kv_heads = 0;
  std::int32_t group = 0;              // query heads of a KV head
  std::int32_t max_decode_splits = 0;  // what decode's scratch holds
  std::int32_t decode_blocks = 0;      // what the device runs at once
};

/// Fills `work` anew. Where there are more splits than the device needs to be busy to the end, a
/// block takes several of one sequence: fewer must then be merged across blocks.
void plan_attention(AttentionWork& work, const PackedBatch& batch, const AttentionRoom& room);

}  // namespace troupe::cuda
