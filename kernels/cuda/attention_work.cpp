#include "kernels/cuda/attention_work.h"

#include <algorithm>
#include <cstddef>

namespace troupe::cuda {
namespace {

// Units of work for each block of decode attention: enough that the last round is a small part.
constexpr std::int32_t kUnitsPerBlock = 2;

std::int32_t query_length(const PackedBatch& batch, std::size_t sequence) {
  return batch.query_starts[sequence + 1] - batch.query_starts[sequence];
}

// How many splits of one sequence a block takes at a time.
std::int32_t splits_per_item(const PackedBatch& batch, const AttentionRoom& room) {
  std::int64_t num_units = 0;
  for (std::size_t sequence = 0; sequence < batch.context_lengths.size(); ++sequence) {
    num_units += query_length(batch, sequence) == 1
                     ? num_decode_splits(batch.context_lengths[sequence]) * room.num_kv_heads
                     : 0;
  }
  const auto enough = std::max(room.decode_blocks, 1) * kUnitsPerBlock;
  return static_cast<std::int32_t>(std::max<std::int64_t>((num_units + enough / 2) / enough, 1));
}

}  // namespace

std::int32_t max_prefill_items(std::int32_t num_tokens,
                               std::int32_t num_sequences,
                               std::int32_t group) {
  return num_tokens * group / kPrefillRows + num_sequences;
}

void plan_attention(AttentionWork& work, const PackedBatch& batch, const AttentionRoom& room) {
  work.decode.clear();
  work.prefill.clear();
  const auto per_item = splits_per_item(batch, room);
  std::int32_t num_partials = 0;
  for (std::int32_t sequence = 0; sequence < batch.num_sequences(); ++sequence) {
    const auto index = static_cast<std::size_t>(sequence);
    const auto length = query_length(batch, index);
    const auto num_splits = num_decode_splits(batch.context_lengths[index]);
    if (length == 1 && num_splits <= room.max_decode_splits - num_partials) {
      // Items of nearly equal size.
      const auto num_items = (num_splits + per_item - 1) / per_item;
      for (std::int32_t item = 0; item < num_items; ++item) {
        const auto first = item * num_splits / num_items;
        work.decode.push_back({.sequence = sequence,
                               .first_split = first,
                               .num_splits = (item + 1) * num_splits / num_items - first,
                               .first_partial = num_partials});
      }
      num_partials += num_splits;
      continue;
    }
    for (std::int32_t row = 0; row < length * room.group; row += kPrefillRows) {
      work.prefill.push_back({sequence, row});
    }
  }
  // The longest first, so that none begins when the others are nearly done.
  const auto num_keys = [&](const PrefillItem& item) {
    const auto index = static_cast<std::size_t>(item.sequence);
    return batch.context_lengths[index] - query_length(batch, index) + item.first_row / room.group;
  };
  std::stable_sort(
      work.prefill.begin(), work.prefill.end(),
      [&](const PrefillItem& a, const PrefillItem& b) { return num_keys(a) > num_keys(b); });
}

}  // namespace troupe::cuda
