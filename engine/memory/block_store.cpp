#include "engine/memory/block_store.h"

#include "engine/base/check.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace troupe {
namespace {

std::size_t index_of(std::int32_t number) {
  return static_cast<std::size_t>(number);
}

/// The parent is there too, and its turn does not come before the child's.
bool follows(const std::unordered_map<PrefixId, std::int32_t>& turns, const NamedTokens& child) {
  const auto parent = turns.find(child.parent);
  return parent != turns.end() && parent->second >= turns.at(child.name);
}

}  // namespace

BlockStore::BlockStore(const MemoryConfig& config, MemoryStatistics& statistics)
    : block_size_(config.block_size),
      caching_(config.enable_prefix_caching),
      choice_(swap_choice(config)),
      statistics_(statistics),
      pool_(config.num_blocks),
      cache_(config.num_blocks, config.block_size),
      host_(config.num_host_blocks, config.block_size),
      left_behind_(index_of(config.num_blocks), 0),
      slot_written_(index_of(config.num_host_blocks)),
      slot_write_(index_of(config.num_host_blocks)) {}

void BlockStore::begin_plan(StepNumber step, StepPlan& plan) {
  step_ = step;
  plan_ = &plan;
}

void BlockStore::end_plan() {
  for (const auto source : copy_sources_) {
    release_block(source);
  }
  copy_sources_.clear();
  host_.end_plan();
  plan_ = nullptr;
}

std::int32_t BlockStore::num_free_after_plan() const {
  auto num_free = pool_.num_free();
  for (auto source = copy_sources_.begin(); source != copy_sources_.end(); ++source) {
    const auto is_first = std::find(copy_sources_.begin(), source, *source) == source;
    const auto num_copies = std::ranges::count(copy_sources_, *source);
    num_free += is_first && num_copies == pool_.references(*source) ? 1 : 0;
  }
  return num_free;
}

void BlockStore::find(const SequenceStart& start, FoundPrefix& found) const {
  found.blocks.clear();
  found.host_slots.clear();
  found.copied.reset();
  found.root_lives = false;
  const auto root = caching_ ? roots_.find(start.cache_salt) : std::nullopt;
  if (!root) {
    return;
  }
  found.root = *root;
  found.prefix = *root;
  found.root_lives = true;
  const auto block_size = index_of(block_size_);
  std::span<const TokenId> rest = start.tokens;
  for (; rest.size() > block_size; rest = rest.subspan(block_size)) {
    const auto tokens = rest.first(block_size);
    if (const auto block = cache_.find(found.prefix, tokens)) {
      // What this very plan writes is not there yet when the plan's rows read.
      if (cache_.written(*block) == step_) {
        return;
      }
      found.blocks.push_back(*block);
      found.prefix = cache_.name(*block);
    } else if (const auto slot = host_.find(found.prefix, tokens)) {
      found.host_slots.push_back(*slot);
      found.prefix = host_.content(*slot).name;
    } else {
      break;
    }
  }
  find_copied(rest, found);
}

void BlockStore::find_copied(std::span<const TokenId> rest, FoundPrefix& found) const {
  found.copied = cache_.longest_beginning(found.prefix, rest.first(rest.size() - 1), step_);
}

void BlockStore::hold(const FoundPrefix& found) {
  for (const auto block : found.blocks) {
    pool_.share(block);
  }
  for (const auto slot : found.host_slots) {
    host_.read(slot);
  }
  if (found.copied) {
    pool_.share(found.copied->block);
  }
}

void BlockStore::let_go(const FoundPrefix& found) {
  if (found.copied) {
    release_block(found.copied->block);
  }
  for (auto slot = found.host_slots.rbegin(); slot != found.host_slots.rend(); ++slot) {
    host_.stop_reading(*slot);
  }
  for (auto block = found.blocks.rbegin(); block != found.blocks.rend(); ++block) {
    release_block(*block);
  }
}

void BlockStore::let_go_copied(FoundPrefix& found) {
  release_block(found.copied->block);
  found.copied.reset();
}

void BlockStore::fill_table(const FoundPrefix& found,
                            std::int32_t count,
                            std::vector<BlockId>& blocks) {
  blocks.assign(found.blocks.begin(), found.blocks.end());
  for (const auto block : blocks) {
    left_behind_[index_of(block.value)] = 0;
  }
  for (const auto slot : found.host_slots) {
    blocks.push_back(move_in(slot));
  }
  if (found.copied) {
    copy_sources_.push_back(found.copied->block);
    blocks.push_back(take());
    plan_->copies.push_back(BlockCopy{found.copied->block, blocks.back()});
    statistics_.num_copied_tokens += found.copied->num_tokens;
  }
  while (std::ssize(blocks) < count) {
    blocks.push_back(take());
  }
}

BlockId BlockStore::take() {
  const auto blank = pool_.take_blank();
  const auto block = blank ? *blank : evict();
  left_behind_[index_of(block.value)] = 0;
  return block;
}

BlockId BlockStore::evict() {
  const auto block = pool_.take_oldest_idle();
  move_out(block);
  roots_.release(cache_.content(block).parent);
  cache_.erase(block);
  ++statistics_.num_evicted_blocks;
  return block;
}

// What is left behind goes to the host where that is the cheaper way to have it back, and so does
// whatever stands before something that is there.
void BlockStore::move_out(BlockId block) {
  if (host_.num_slots() == 0) {
    return;
  }
  const auto content = cache_.content(block);
  if (const auto slot = host_.find(content.parent, content.tokens)) {
    host_.touch(*slot);  // it came from there, and nobody has written to it since
    return;
  }
  const auto wanted = left_behind_[index_of(block.value)] != 0 && choice_ == SwapChoice::move;
  if (!wanted && !host_.has_children(content.name)) {
    return;
  }
  const auto stored = host_.store(content);
  if (!stored) {
    return;
  }
  roots_.hold(content.parent);
  if (stored->forgotten_parent) {
    roots_.release(*stored->forgotten_parent);
  }
  write_out(block, stored->slot);
}

// A slot that this plan has written already is written once, with the later content.
void BlockStore::write_out(BlockId block, std::int32_t slot) {
  if (slot_written_[index_of(slot)] == step_) {
    plan_->swaps_out[slot_write_[index_of(slot)]] = BlockSwap{block, slot};
    return;
  }
  slot_written_[index_of(slot)] = step_;
  slot_write_[index_of(slot)] = plan_->swaps_out.size();
  plan_->swaps_out.push_back(BlockSwap{block, slot});
  ++statistics_.num_swapped_out_blocks;
}

// It arrives before any row of this plan reads.
BlockId BlockStore::move_in(std::int32_t slot) {
  const auto block = take();
  const auto content = host_.content(slot);
  cache_.insert(content, block, StepNumber{step_.value - 1});
  roots_.hold(content.parent);
  plan_->swaps_in.push_back(BlockSwap{block, slot});
  ++statistics_.num_swapped_in_blocks;
  statistics_.num_restored_tokens += block_size_;
  return block;
}

void BlockStore::release(std::span<const BlockId> blocks, Departure departure) {
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    if (departure == Departure::preempted) {
      left_behind_[index_of(block->value)] = 1;
    }
    release_block(*block);
  }
}

void BlockStore::release_block(BlockId block) {
  auto content = cache_.contains(block) ? Content::cached : Content::worthless;
  if (pool_.references(block) == 1 && cache_.has_twins(block)) {
    if (content == Content::cached) {
      cache_.hand_on(block);
    } else {
      cache_.drop_twin(block);
    }
    content = Content::worthless;
  }
  pool_.release(block, content);
}

PrefixId BlockStore::name(PrefixId parent,
                          std::span<const TokenId> tokens,
                          BlockId block,
                          StepNumber written) {
  if (const auto bearer = cache_.find(parent, tokens)) {
    const auto known = cache_.name(*bearer);
    cache_.add_twin(*bearer, block, written);
    if (pool_.references(*bearer) == 0) {  // nobody needs two of them
      pool_.share(*bearer);
      release_block(*bearer);
    }
    return known;
  }
  const auto slot = host_.find(parent, tokens);
  const NamedTokens content{parent, tokens, slot ? host_.content(*slot).name : fresh_name()};
  cache_.insert(content, block, written);
  roots_.hold(parent);
  return content.name;
}

void BlockStore::audit(std::span<const PrefixId> seated) const {
  pool_.audit();
  cache_.audit();
  host_.audit();
  TROUPE_CHECK(copy_sources_.empty(), "a copy's source is still held");
  audit_blocks();
  audit_chains();
  audit_roots(seated);
}

void BlockStore::audit_blocks() const {
  std::int32_t num_named = 0;
  for (std::int32_t number = 0; number < pool_.num_total(); ++number) {
    const BlockId block{number};
    const auto held = pool_.references(block) > 0;
    num_named += cache_.contains(block) && !held ? 1 : 0;
    TROUPE_CHECK(held || !cache_.has_twins(block), "an idle block has a twin");
  }
  TROUPE_CHECK(num_named == pool_.num_idle(), "idle blocks and free blocks with a name differ");
}

void BlockStore::audit_chains() const {
  // By name, when content is given up: the later the greater, and what is held last of all.
  std::unordered_map<PrefixId, std::int32_t> device_turns;
  std::unordered_map<PrefixId, std::int32_t> host_turns;
  const auto on_device = named_blocks();
  for (const auto block : on_device) {
    device_turns[cache_.name(block)] = pool_.num_total();
  }
  std::int32_t turn = 0;
  for (const auto block : pool_.idle_in_order()) {
    device_turns[cache_.name(block)] = turn++;
  }
  for (const auto slot : host_.slots_in_order()) {
    host_turns[host_.content(slot).name] = turn++;
  }
  for (const auto block : on_device) {
    const auto content = cache_.content(block);
    TROUPE_CHECK(is_root(content.parent) || follows(device_turns, content),
                 "a block of the device has lost its parent, or would be given up after it");
  }
  for (const auto slot : host_.slots_in_order()) {
    const auto content = host_.content(slot);
    TROUPE_CHECK(is_root(content.parent) || device_turns.contains(content.parent) ||
                     follows(host_turns, content),
                 "a slot of the host has lost its parent, or would be given up after it");
  }
}

bool BlockStore::is_root(PrefixId name) const {
  return name == PrefixId{} || roots_.num_holders(name) > 0;
}

std::vector<BlockId> BlockStore::named_blocks() const {
  std::vector<BlockId> blocks;
  for (std::int32_t number = 0; number < pool_.num_total(); ++number) {
    if (cache_.contains(BlockId{number})) {
      blocks.push_back(BlockId{number});
    }
  }
  return blocks;
}

void BlockStore::audit_roots(std::span<const PrefixId> seated) const {
  std::unordered_map<PrefixId, std::int32_t> holders;
  const auto count = [&](PrefixId prefix) {
    if (roots_.num_holders(prefix) > 0) {
      ++holders[prefix];
    }
  };
  std::ranges::for_each(seated, count);
  for (const auto block : named_blocks()) {
    count(cache_.content(block).parent);
  }
  for (const auto slot : host_.slots_in_order()) {
    count(host_.content(slot).parent);
  }
  TROUPE_CHECK(std::ssize(holders) == roots_.size(), "a root lives that nobody holds");
  for (const auto& [root, num_holders] : holders) {
    TROUPE_CHECK(num_holders == roots_.num_holders(root), "a root is held by others than counted");
  }
}

}  // namespace troupe
