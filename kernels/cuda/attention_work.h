// Which attention kernel computes which rows of a step: single tokens go to decode attention, split
// by split; chunks, and what exceeds decode's scratch memory, go to prefill attention.
#pragma once

#include "kernels/cuda/attention.h"
#include "kernels/decoder/packed_batch.h"

#include <cstdint>
#include <vector>

namespace troupe::cuda {

struct AttentionWork {
  std::vector<DecodeItem> decode;    // a sequence's splits stand together
  std::vector<PrefillItem> prefill;  // those that see the most keys first
};

/// The most prefill items that a step of so many tokens and sequences can need.
[[nodiscard]] std::int32_t max_prefill_items(std::int32_t num_tokens,
                                             std::int32_t num_sequences,
                                             std::int32_t group);

/// Fills `work` anew. `group`: query heads of a KV head. `max_decode_items`: what scratch there is.
void plan_attention(AttentionWork& work,
                    const PackedBatch& batch,
                    std::int32_t group,
                    std::int32_t max_decode_items);

}  // namespace troupe::cuda
