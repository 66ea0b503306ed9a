#include "kernels/decoder/block_moves.h"

#include "engine/base/check.h"

#include <algorithm>
#include <string>
#include <vector>

namespace troupe {
namespace {

void check_range(std::int32_t index, std::int32_t count, const char* what) {
  TROUPE_CHECK(index >= 0 && index < count,
               std::string(what) + " " + std::to_string(index) + " of " + std::to_string(count));
}

void check_distinct(std::vector<std::int32_t>& written, const char* what) {
  std::ranges::sort(written);
  const auto twice = std::ranges::adjacent_find(written);
  TROUPE_CHECK(twice == written.end(),
               std::string(what) + " " + std::to_string(*twice) + " is written by two moves");
}

}  // namespace

BlockMoves moves_of(const StepPlan& plan) {
  return {.out = plan.swaps_out, .in = plan.swaps_in, .copies = plan.copies};
}

void check_moves(const BlockMoves& moves, const BackendDescription& limits) {
  std::vector<std::int32_t> slots;
  std::vector<std::int32_t> blocks;
  std::vector<std::int32_t> copied;
  for (const auto& swap : moves.out) {
    check_range(swap.block.value, limits.num_blocks, "block");
    check_range(swap.host_slot, limits.num_host_blocks, "host slot");
    slots.push_back(swap.host_slot);
  }
  for (const auto& swap : moves.in) {
    check_range(swap.block.value, limits.num_blocks, "block");
    check_range(swap.host_slot, limits.num_host_blocks, "host slot");
    blocks.push_back(swap.block.value);
  }
  for (const auto& copy : moves.copies) {
    check_range(copy.from.value, limits.num_blocks, "block");
    check_range(copy.to.value, limits.num_blocks, "block");
    blocks.push_back(copy.to.value);
    copied.push_back(copy.to.value);
  }
  check_distinct(slots, "host slot");
  check_distinct(blocks, "block");
  std::ranges::sort(copied);
  for (const auto& copy : moves.copies) {
    const auto written = std::ranges::binary_search(copied, copy.from.value);
    TROUPE_CHECK(!written,
                 "block " + std::to_string(copy.from.value) + " is read and written by copies");
  }
}

}  // namespace troupe
