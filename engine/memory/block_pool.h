// Who holds which block: free list, reference counts, and the order in which idle content is given
// up. Does not know what the blocks contain.
#pragma once

#include "engine/base/ids.h"
#include "engine/memory/recency_list.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace troupe {

/// Whether the content of a block is worth keeping when its last holder lets go.
enum class Content : std::uint8_t { worthless, cached };

/// Owned by the memory manager; not thread-safe. Every operation costs O(1), the audit O(blocks).
/// A block is in exactly one place: blank (free, worthless), idle (free, content cached) or held.
class BlockPool {
 public:
  explicit BlockPool(std::int32_t num_blocks);

  [[nodiscard]] std::int32_t num_total() const {
    return static_cast<std::int32_t>(references_.size());
  }

  /// Held by nobody: blank and idle ones.
  [[nodiscard]] std::int32_t num_free() const { return num_blank() + num_idle(); }

  [[nodiscard]] std::int32_t num_blank() const { return static_cast<std::int32_t>(blank_.size()); }

  [[nodiscard]] std::int32_t num_idle() const { return idle_.size(); }

  /// How many hold the block; 0 when it is free.
  [[nodiscard]] std::int32_t references(BlockId block) const;

  /// Takes a blank block with one reference, or nothing when there is none.
  [[nodiscard]] std::optional<BlockId> take_blank();

  /// Takes the block that has been idle longest, with one reference: its content is gone, and the
  /// caller is to forget it. Checked: one is idle.
  [[nodiscard]] BlockId take_oldest_idle();

  /// Adds a reference to a block that is held or idle. Checked: it is not blank.
  void share(BlockId block);

  /// Drops a reference. With the last one the block becomes idle, as the latest of all, or blank.
  /// Checked: it is held.
  void release(BlockId block, Content content);

  /// The idle blocks, the one that is taken next first. Costs O(idle); for audits.
  [[nodiscard]] std::vector<BlockId> idle_in_order() const;

  /// Checked: every block is in exactly one place.
  void audit() const;

 private:
  [[nodiscard]] std::size_t index_of(BlockId block) const;

  std::vector<std::int32_t> references_;
  std::vector<BlockId> blank_;  // a stack
  RecencyList idle_;            // by block
};

}  // namespace troupe
