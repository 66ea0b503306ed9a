// One seated sequence as the memory manager sees it: its blocks, what has been computed into them,
// and how far they are known to the prefix cache.
#pragma once

#include "engine/base/ids.h"
#include "engine/memory/prefix_index.h"
#include "engine/step/sequence_start.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace troupe {

/// Owned by the memory manager, one for each seat; kept between sequences for its capacity.
struct BlockTable {
  SequenceId sequence;                         // whose it is, while `start` is set
  std::shared_ptr<const SequenceStart> start;  // null: the seat is empty
  std::vector<BlockId> blocks;                 // in the order of positions
  std::vector<TokenId> generated;              // known tokens behind those of `start`
  std::int32_t computed = 0;                   // positions that plans issued so far cover
  std::int32_t num_named_blocks = 0;           // leading blocks whose prefix has a name
  PrefixId prefix;                             // the name of the last of them, or else the root
  PrefixId root;                               // where the chains of its salt begin
  std::uint64_t settling = 0;                  // the last settling in which it was a candidate …
  std::size_t rank = 0;                        // … and its place among the candidates there

  [[nodiscard]] bool seated() const { return start != nullptr; }

  [[nodiscard]] std::int32_t num_blocks() const { return static_cast<std::int32_t>(blocks.size()); }

  [[nodiscard]] std::int32_t num_known() const {
    return start->num_tokens() + static_cast<std::int32_t>(generated.size());
  }

  /// Seats a sequence without blocks. Checked: the seat is empty.
  void seat(std::shared_ptr<const SequenceStart> new_start);

  /// Empties the seat. The blocks must have been released.
  void vacate();

  /// The tokens at the positions [begin, begin + count), all known. Points into the table, or into
  /// `scratch` where they straddle the start and what was generated.
  [[nodiscard]] std::span<const TokenId> tokens(std::int32_t begin,
                                                std::int32_t count,
                                                std::vector<TokenId>& scratch) const;
};

}  // namespace troupe
