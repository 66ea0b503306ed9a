// An idle block is linked into a ring from longest idle to latest; a block that is not in the ring
// has no links.
#include "engine/memory/block_pool.h"

#include "engine/base/check.h"

#include <string>

namespace troupe {
namespace {

constexpr std::int32_t kNoLink = -1;

std::string name(std::size_t index) {
  return "block " + std::to_string(index);
}

}  // namespace

BlockPool::BlockPool(std::int32_t num_blocks) {
  TROUPE_CHECK(num_blocks >= 0, "a pool of " + std::to_string(num_blocks) + " blocks");
  const auto count = static_cast<std::size_t>(num_blocks);
  references_.assign(count, 0);
  previous_.assign(count + 1, kNoLink);
  next_.assign(count + 1, kNoLink);
  previous_[count] = num_blocks;
  next_[count] = num_blocks;
  blank_.reserve(count);
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
  TROUPE_CHECK(num_idle_ > 0, "no idle block to take");
  const auto oldest = static_cast<std::size_t>(next_.back());
  unlink(oldest);
  references_[oldest] = 1;
  return BlockId{static_cast<std::int32_t>(oldest)};
}

void BlockPool::share(BlockId block) {
  const auto index = index_of(block);
  if (references_[index] == 0) {
    TROUPE_CHECK(next_[index] != kNoLink, name(index) + " is blank and cannot be shared");
    unlink(index);
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
    link_last(index);
  } else {
    blank_.push_back(block);
  }
}

void BlockPool::unlink(std::size_t index) {
  next_[static_cast<std::size_t>(previous_[index])] = next_[index];
  previous_[static_cast<std::size_t>(next_[index])] = previous_[index];
  next_[index] = kNoLink;
  previous_[index] = kNoLink;
  --num_idle_;
}

void BlockPool::link_last(std::size_t index) {
  const auto head = references_.size();
  const auto last = previous_[head];
  previous_[index] = last;
  next_[index] = static_cast<std::int32_t>(head);
  next_[static_cast<std::size_t>(last)] = static_cast<std::int32_t>(index);
  previous_[head] = static_cast<std::int32_t>(index);
  ++num_idle_;
}

void BlockPool::audit() const {
  std::vector<std::int32_t> places(references_.size(), 0);
  for (const auto block : blank_) {
    ++places[index_of(block)];
  }
  std::int32_t idle = 0;
  const auto head = references_.size();
  for (auto index = static_cast<std::size_t>(next_[head]); index != head;
       index = static_cast<std::size_t>(next_[index])) {
    ++places[index];
    ++idle;
    TROUPE_CHECK(idle <= num_idle_, "more idle blocks are linked than counted");
  }
  TROUPE_CHECK(idle == num_idle_, "fewer idle blocks are linked than counted");
  for (std::size_t index = 0; index < references_.size(); ++index) {
    TROUPE_CHECK(places[index] + (references_[index] > 0 ? 1 : 0) == 1,
                 name(index) + " is not in exactly one place");
  }
}

}  // namespace troupe
