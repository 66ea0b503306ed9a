// Where a chunk of a prefill ends. A pure rule, shared by the scheduler (sequences under way) and
// the memory manager (admissions, whose beginning only the prefix cache knows).
#pragma once

#include <algorithm>
#include <cstdint>

namespace troupe {

/// The end of the chunk that begins at `begin` of a sequence with `known` positions, under a budget
/// of tokens. Unless it is the last one, a chunk ends at the border of a block where the budget
/// reaches one, so that it leaves full blocks behind for the prefix cache.
[[nodiscard]] constexpr std::int32_t chunk_end(std::int32_t begin,
                                               std::int32_t known,
                                               std::int32_t budget,
                                               std::int32_t block_size) {
  if (budget >= known - begin) {
    return known;
  }
  const auto reached = begin + std::max(budget, 0);
  const auto border = reached / block_size * block_size;
  return border > begin ? border : reached;
}

}  // namespace troupe
