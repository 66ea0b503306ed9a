// What the blocks of the device hold that can be found again: whole blocks by their content, twins
// of them, and blocks that at least begin alike.
#pragma once

#include "engine/base/ids.h"
#include "engine/memory/beginning_index.h"
#include "engine/memory/prefix_index.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace troupe {

/// A block whose first tokens are those asked for.
struct BeginningMatch {
  BlockId block;
  std::int32_t num_tokens = 0;
};

/// Owned by the block store; not thread-safe. Every operation costs O(block_size).
///
/// Of several blocks with the same content one bears its name and is found; the others are its
/// twins, computed by sequences that did not know of one another. When the bearer goes while a twin
/// is still in use, the twin takes over the name: what stands behind it stays reachable.
class PrefixCache {
 public:
  PrefixCache(std::int32_t num_blocks, std::int32_t block_size);

  /// The block that bears the name of `tokens` behind `parent`. Checked: one block of tokens.
  [[nodiscard]] std::optional<BlockId> find(PrefixId parent, std::span<const TokenId> tokens) const;

  /// Among the blocks behind `parent`, written before `step`, the one that shares most of its first
  /// tokens with `tokens`: a quarter of a block at least, or nothing. Looks at the latest few that
  /// share so much.
  [[nodiscard]] std::optional<BeginningMatch> longest_beginning(PrefixId parent,
                                                                std::span<const TokenId> tokens,
                                                                StepNumber step) const;

  /// Remembers that `block` holds `content`, written by step `written`. Checked: neither the block
  /// nor the content has an entry yet.
  void insert(const NamedTokens& content, BlockId block, StepNumber written);

  /// Remembers that `twin` holds the same as `bearer`, which has an entry.
  void add_twin(BlockId bearer, BlockId twin, StepNumber written);

  [[nodiscard]] bool is_twin(BlockId block) const { return !contains(block) && has_twins(block); }

  /// It has twins, or is one.
  [[nodiscard]] bool has_twins(BlockId block) const { return next_twin_[at(block)] != block; }

  /// A twin is forgotten; the bearer keeps the name.
  void drop_twin(BlockId twin);

  /// The name passes to a twin of `bearer`, which is forgotten. Checked: it has one.
  void hand_on(BlockId bearer);

  /// Forgets what a block holds. Checked: it bears a name and has no twin.
  void erase(BlockId block);

  [[nodiscard]] NamedTokens content(BlockId block) const { return index_.content(block.value); }

  /// The name of the prefix that ends with this block, or 0 when it bears none.
  [[nodiscard]] PrefixId name(BlockId block) const { return index_.name(block.value); }

  [[nodiscard]] bool contains(BlockId block) const { return index_.contains(block.value); }

  /// The step that wrote the block.
  [[nodiscard]] StepNumber written(BlockId block) const { return written_[at(block)]; }

  [[nodiscard]] std::int32_t size() const { return index_.size(); }

  /// Checked: the index; the rings of twins have one bearer each.
  void audit() const;

 private:
  [[nodiscard]] static std::size_t at(BlockId block) {
    return static_cast<std::size_t>(block.value);
  }

  PrefixIndex index_;
  BeginningIndex beginnings_;
  std::vector<StepNumber> written_;  // by block, as those below
  std::vector<BlockId> next_twin_;   // rings; a block alone is its own
  std::vector<BlockId> previous_twin_;
};

}  // namespace troupe
