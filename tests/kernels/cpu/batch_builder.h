// Packs sequences into batches over a scattered cache, as the seats of a worker would.
#pragma once

#include "kernels/decoder/packed_batch.h"

#include <cstdint>
#include <vector>

namespace troupe::test {

/// A sequence with its block table. The blocks must reach to the last position ever computed.
struct CachedSequence {
  std::vector<TokenId> tokens;
  std::vector<std::int32_t> blocks;
  std::int32_t num_computed = 0;
};

/// Collects rows of sequences, each at most once, into one batch.
class BatchBuilder {
 public:
  explicit BatchBuilder(std::int32_t block_size) : block_size_(block_size) {
    batch_.query_starts.push_back(0);
    batch_.table_starts.push_back(0);
  }

  /// The next `count` tokens of `sequence`; its last row samples. Moves `num_computed` on.
  void add(CachedSequence& sequence, std::int32_t count) {
    for (std::int32_t i = 0; i < count; ++i) {
      const auto position = sequence.num_computed++;
      const auto block = sequence.blocks[static_cast<std::size_t>(position / block_size_)];
      batch_.tokens.push_back(sequence.tokens[static_cast<std::size_t>(position)]);
      batch_.positions.push_back(position);
      batch_.slot_mapping.push_back(std::int64_t{block} * block_size_ + position % block_size_);
    }
    batch_.query_starts.push_back(batch_.num_tokens());
    batch_.context_lengths.push_back(sequence.num_computed);
    const auto num_blocks = (sequence.num_computed + block_size_ - 1) / block_size_;
    batch_.blocks.insert(batch_.blocks.end(), sequence.blocks.begin(),
                         sequence.blocks.begin() + num_blocks);
    batch_.table_starts.push_back(static_cast<std::int32_t>(batch_.blocks.size()));
    batch_.sampling_seats.push_back(batch_.num_samples());
    batch_.sampling_rows.push_back(batch_.num_tokens() - 1);
  }

  [[nodiscard]] const PackedBatch& batch() const { return batch_; }

 private:
  std::int32_t block_size_;
  PackedBatch batch_;
};

}  // namespace troupe::test
