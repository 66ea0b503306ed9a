#include "engine/memory/sacrifice.h"

#include "engine/base/check.h"

#include <algorithm>

namespace troupe {
namespace {

std::size_t index_of(BlockId block) {
  return static_cast<std::size_t>(block.value);
}

}  // namespace

Sacrifice::Sacrifice(std::int32_t num_blocks) : let_go_(static_cast<std::size_t>(num_blocks), 0) {}

std::span<BlockTable* const> Sacrifice::choose(std::span<BlockTable* const> victims,
                                               std::size_t num_doomed,
                                               const BlockPool& pool,
                                               std::int32_t num_wanted) {
  TROUPE_CHECK(num_wanted > pool.num_free() || num_doomed > 0, "nobody needs to give way");
  chosen_.clear();
  auto missing = num_wanted - pool.num_free();
  for (auto* victim : victims) {
    chosen_.push_back(victim);
    missing -= let_go(*victim, pool);
    if (missing <= 0 && chosen_.size() >= num_doomed) {
      break;
    }
  }
  const auto all_looked_at = chosen_.size();
  if (missing <= 0) {
    spare_the_unneeded(num_doomed, pool, -missing);
  }
  for (auto* victim : victims.first(all_looked_at)) {
    for (const auto block : victim->blocks) {
      let_go_[index_of(block)] = 0;
    }
  }
  return missing <= 0 ? std::span<BlockTable* const>(chosen_) : std::span<BlockTable* const>();
}

std::int32_t Sacrifice::let_go(const BlockTable& table, const BlockPool& pool) {
  std::int32_t freed = 0;
  for (const auto block : table.blocks) {
    freed += ++let_go_[index_of(block)] == pool.references(block) ? 1 : 0;
  }
  return freed;
}

std::int32_t Sacrifice::would_miss(const BlockTable& table, const BlockPool& pool) const {
  return static_cast<std::int32_t>(std::ranges::count_if(table.blocks, [&](BlockId block) {
    return let_go_[index_of(block)] == pool.references(block);
  }));
}

// From the last to the first, so that those who rank higher among the victims stay seated.
void Sacrifice::spare_the_unneeded(std::size_t num_doomed,
                                   const BlockPool& pool,
                                   std::int32_t num_surplus) {
  for (auto place = chosen_.size(); place-- > num_doomed;) {
    const auto& table = *chosen_[place];
    const auto cost = would_miss(table, pool);
    if (cost > num_surplus) {
      continue;
    }
    num_surplus -= cost;
    for (const auto block : table.blocks) {
      --let_go_[index_of(block)];
    }
    chosen_.erase(chosen_.begin() + static_cast<std::ptrdiff_t>(place));
  }
}

}  // namespace troupe
