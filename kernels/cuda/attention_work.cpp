#include "kernels/cuda/attention_work.h"

#include <algorithm>
#include <cstddef>

namespace troupe::cuda {

std::int32_t max_prefill_items(std::int32_t num_tokens,
                               std::int32_t num_sequences,
                               std::int32_t group) {
  return num_tokens * group / kPrefillRows + num_sequences;
}

void plan_attention(AttentionWork& work,
                    const PackedBatch& batch,
                    std::int32_t group,
                    std::int32_t max_decode_items) {
  work.decode.clear();
  work.prefill.clear();
  for (std::int32_t sequence = 0; sequence < batch.num_sequences(); ++sequence) {
    const auto index = static_cast<std::size_t>(sequence);
    const auto length = batch.query_starts[index + 1] - batch.query_starts[index];
    const auto num_splits = num_decode_splits(batch.context_lengths[index]);
    const auto room = max_decode_items - static_cast<std::int32_t>(work.decode.size());
    if (length == 1 && num_splits <= room) {
      for (std::int32_t split = 0; split < num_splits; ++split) {
        work.decode.push_back({sequence, split});
      }
      continue;
    }
    for (std::int32_t row = 0; row < length * group; row += kPrefillRows) {
      work.prefill.push_back({sequence, row});
    }
  }
  // The longest first, so that none begins when the others are nearly done.
  const auto num_keys = [&](const PrefillItem& item) {
    const auto index = static_cast<std::size_t>(item.sequence);
    const auto length = batch.query_starts[index + 1] - batch.query_starts[index];
    return batch.context_lengths[index] - length + item.first_row / group;
  };
  std::stable_sort(
      work.prefill.begin(), work.prefill.end(),
      [&](const PrefillItem& a, const PrefillItem& b) { return num_keys(a) > num_keys(b); });
}

}  // namespace troupe::cuda
