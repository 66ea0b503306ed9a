// Chained hashing over arrays that are as long as the pool: no allocation after the start.
#include "engine/memory/prefix_cache.h"

#include "engine/base/check.h"
#include "engine/base/random.h"

#include <algorithm>
#include <bit>
#include <string>

namespace troupe {
namespace {

constexpr std::int32_t kEnd = -1;

}  // namespace

PrefixCache::PrefixCache(std::int32_t num_blocks, std::int32_t block_size)
    : block_size_(static_cast<std::size_t>(block_size)) {
  TROUPE_CHECK(block_size > 0, "blocks of " + std::to_string(block_size) + " tokens");
  const auto count = static_cast<std::size_t>(num_blocks);
  buckets_.assign(std::bit_ceil(count * 2 + 1), kEnd);
  next_.assign(count, kEnd);
  prefix_.resize(count);
  parent_.resize(count);
  written_.resize(count);
  tokens_.resize(count * block_size_);
}

std::size_t PrefixCache::bucket_of(PrefixId parent, std::span<const TokenId> tokens) const {
  auto hash = parent.value;
  for (const auto token : tokens) {
    hash = mix(hash ^ static_cast<std::uint32_t>(token));
  }
  return static_cast<std::size_t>(mix(hash)) & (buckets_.size() - 1);
}

std::span<const TokenId> PrefixCache::tokens_of(std::size_t index) const {
  return std::span(tokens_).subspan(index * block_size_, block_size_);
}

std::optional<BlockId> PrefixCache::find(PrefixId parent, std::span<const TokenId> tokens) const {
  TROUPE_CHECK(tokens.size() == block_size_, "only full blocks are cached");
  for (auto block = buckets_[bucket_of(parent, tokens)]; block != kEnd;) {
    const auto index = static_cast<std::size_t>(block);
    if (parent_[index] == parent && std::ranges::equal(tokens_of(index), tokens)) {
      return BlockId{block};
    }
    block = next_[index];
  }
  return std::nullopt;
}

void PrefixCache::insert(PrefixId parent,
                         std::span<const TokenId> tokens,
                         BlockId block,
                         StepNumber written) {
  TROUPE_CHECK(!contains(block), "block " + std::to_string(block.value) + " has an entry already");
  TROUPE_CHECK(!find(parent, tokens), "another block holds the same content");
  const auto index = index_of(block);
  auto& bucket = buckets_[bucket_of(parent, tokens)];
  next_[index] = bucket;
  bucket = block.value;
  prefix_[index] = PrefixId{++last_prefix_};
  parent_[index] = parent;
  written_[index] = written;
  std::ranges::copy(tokens, tokens_.begin() + static_cast<std::ptrdiff_t>(index * block_size_));
  ++size_;
}

void PrefixCache::erase(BlockId block) {
  TROUPE_CHECK(contains(block), "block " + std::to_string(block.value) + " has no entry");
  const auto index = index_of(block);
  auto* link = &buckets_[bucket_of(parent_[index], tokens_of(index))];
  while (*link != block.value) {
    TROUPE_CHECK(*link != kEnd, "block " + std::to_string(block.value) + " is not linked");
    link = &next_[static_cast<std::size_t>(*link)];
  }
  *link = next_[index];
  next_[index] = kEnd;
  prefix_[index] = PrefixId{};
  --size_;
}

void PrefixCache::audit() const {
  std::int32_t linked = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    for (auto block = buckets_[bucket]; block != kEnd; block = next_[index_of(BlockId{block})]) {
      audit_entry(BlockId{block}, bucket);
      ++linked;
    }
  }
  const auto named = std::ranges::count_if(prefix_, [](PrefixId one) { return one != PrefixId{}; });
  TROUPE_CHECK(linked == size_ && named == size_, "entries linked, named and counted differ");
}

void PrefixCache::audit_entry(BlockId block, std::size_t bucket) const {
  const auto index = index_of(block);
  TROUPE_CHECK(contains(block), "a block without an entry is linked");
  TROUPE_CHECK(bucket_of(parent_[index], tokens_of(index)) == bucket,
               "block " + std::to_string(block.value) + " is linked under a foreign hash");
}

}  // namespace troupe
