#include "engine/memory/block_pool.h"

#include "engine/base/check.h"

#include <string>

namespace troupe {
namespace {

std::string name(std::size_t index) {
  return "block " + std::to_string(index);
}

std::size_t checked_count(std::int32_t num_blocks) {
  TROUPE_CHECK(num_blocks >= 0, "a pool of " + std::to_string(num_blocks) + " blocks");
  return static_cast<std::size_t>(num_blocks);
}

}  // namespace

BlockPool::BlockPool(std::int32_t num_blocks)
    : references_(checked_count(num_blocks), 0), idle_(num_blocks) {
  blank_.reserve(references_.size());
  for (auto block = num_blocks; block-- > 0;) {
    blank_.push_back(BlockId{block});
  }
}

std::size_t BlockPool::index_of(BlockId block) const {
  TROUPE_CHECK(block.value >= 0 && block.value < num_total(),
               "no such block: " + std::to_string(block.value));
  return static_cast<std::size_t>(block.value);
}

std::int32_t BlockPool::references(BlockId block) const {
  return references_[index_of(block)];
}

std::optional<BlockId> BlockPool::take_blank() {
  if (blank_.empty()) {
    return std::nullopt;
  }
  const auto block = blank_.back();
  blank_.pop_back();
  references_[index_of(block)] = 1;
  return block;
}

BlockId BlockPool::take_oldest_idle() {
  const auto oldest = idle_.oldest();
  TROUPE_CHECK(oldest, "no idle block to take");
  idle_.unlink(*oldest);
  const BlockId block{*oldest};
  references_[index_of(block)] = 1;
  return block;
}

void BlockPool::share(BlockId block) {
  const auto index = index_of(block);
  if (references_[index] == 0) {
    TROUPE_CHECK(idle_.contains(block.value), name(index) + " is blank and cannot be shared");
    idle_.unlink(block.value);
  }
  ++references_[index];
}

void BlockPool::release(BlockId block, Content content) {
  const auto index = index_of(block);
  TROUPE_CHECK(references_[index] > 0, name(index) + " is released but held by nobody");
  if (--references_[index] > 0) {
    return;
  }
  if (content == Content::cached) {
    idle_.link(block.value);
  } else {
    blank_.push_back(block);
  }
}

std::vector<BlockId> BlockPool::idle_in_order() const {
  std::vector<BlockId> blocks;
  for (const auto index : idle_.all()) {
    blocks.push_back(BlockId{index});
  }
  return blocks;
}

void BlockPool::audit() const {
  std::vector<std::int32_t> places(references_.size(), 0);
  for (const auto block : blank_) {
    ++places[index_of(block)];
  }
  for (const auto block : idle_in_order()) {
    ++places[index_of(block)];
  }
  for (std::size_t index = 0; index < references_.size(); ++index) {
    TROUPE_CHECK(places[index] + (references_[index] > 0 ? 1 : 0) == 1,
                 name(index) + " is not in exactly one place");
  }
}

}  // namespace troupe
