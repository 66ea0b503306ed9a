// Which full block holds the keys and values of which tokens behind which prefix. Entries are found
// by a hash and confirmed token by token, so that a collision can never give wrong content.
#pragma once

#include "engine/base/ids.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace troupe {

/// Names a cached block's tokens together with all tokens before them. Never reused, so a block
/// behind a prefix that was given up cannot be taken for one behind another. 0: the empty prefix.
using PrefixId = StrongId<struct PrefixTag, std::uint64_t>;

/// Owned by the memory manager; not thread-safe. Allocates at the start only: `block_size` token
/// ids a block. Every operation costs O(block_size).
class PrefixCache {
 public:
  PrefixCache(std::int32_t num_blocks, std::int32_t block_size);

  /// The block that holds `tokens` behind `parent`. Checked: exactly one block of tokens.
  [[nodiscard]] std::optional<BlockId> find(PrefixId parent, std::span<const TokenId> tokens) const;

  /// Remembers that `block` holds `tokens` behind `parent`, written by step `written`. Checked:
  /// neither the block nor the content has an entry yet.
  void insert(PrefixId parent, std::span<const TokenId> tokens, BlockId block, StepNumber written);

  /// Forgets what a block holds. What stood behind it is found no more.
  void erase(BlockId block);

  /// The name of the prefix that ends with this block, or the empty prefix when it has no entry.
  [[nodiscard]] PrefixId prefix_of(BlockId block) const { return prefix_[index_of(block)]; }

  [[nodiscard]] bool contains(BlockId block) const { return prefix_of(block) != PrefixId{}; }

  /// The step that wrote the block.
  [[nodiscard]] StepNumber written(BlockId block) const { return written_[index_of(block)]; }

  [[nodiscard]] std::int32_t size() const { return size_; }

  /// Checked: each entry is linked exactly once, under its own hash.
  void audit() const;

 private:
  [[nodiscard]] static std::size_t index_of(BlockId block) {
    return static_cast<std::size_t>(block.value);
  }

  [[nodiscard]] std::size_t bucket_of(PrefixId parent, std::span<const TokenId> tokens) const;
  void audit_entry(BlockId block, std::size_t bucket) const;
  [[nodiscard]] std::span<const TokenId> tokens_of(std::size_t index) const;

  std::size_t block_size_;
  std::uint64_t last_prefix_ = 0;
  std::int32_t size_ = 0;
  std::vector<std::int32_t> buckets_;  // first block of each chain; a power of two of them
  std::vector<std::int32_t> next_;     // by block, as all below
  std::vector<PrefixId> prefix_;
  std::vector<PrefixId> parent_;
  std::vector<StepNumber> written_;
  std::vector<TokenId> tokens_;
};

}  // namespace troupe
