// Who must give way so that a candidate gets its blocks: the first in the given order whose blocks
// suffice, and nobody in vain.
#pragma once

#include "engine/base/ids.h"
#include "engine/memory/block_pool.h"
#include "engine/memory/block_table.h"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// Owned by the memory manager; keeps its scratch between calls.
class Sacrifice {
 public:
  explicit Sacrifice(std::int32_t num_blocks);

  /// Of `victims`, in their order, those whose release leaves `num_wanted` blocks free; empty when
  /// even all of them would not. A shared block comes free only with its last holder. Whoever turns
  /// out not to be needed is spared, but for the first `num_doomed` victims, who go in any case if
  /// anybody does. Changes nothing; costs O(blocks of the victims looked at). The answer is good
  /// until the next call. Checked: fewer than `num_wanted` are free now, or somebody is doomed.
  [[nodiscard]] std::span<BlockTable* const> choose(std::span<BlockTable* const> victims,
                                                    std::size_t num_doomed,
                                                    const BlockPool& pool,
                                                    std::int32_t num_wanted);

 private:
  [[nodiscard]] std::int32_t let_go(const BlockTable& table, const BlockPool& pool);
  [[nodiscard]] std::int32_t would_miss(const BlockTable& table, const BlockPool& pool) const;
  void spare_the_unneeded(std::size_t num_doomed, const BlockPool& pool, std::int32_t num_surplus);

  std::vector<std::int32_t> let_go_;  // by block: how many of its holders have been chosen
  std::vector<BlockTable*> chosen_;
};

}  // namespace troupe
