// Chained hashing over arrays that are as long as the tier: no allocation after the start.
#include "engine/memory/prefix_index.h"

#include "engine/base/check.h"
#include "engine/memory/prefix_hash.h"

#include <algorithm>
#include <bit>
#include <string>

namespace troupe {
namespace {

constexpr std::int32_t kEnd = -1;

}  // namespace

PrefixIndex::PrefixIndex(std::int32_t num_places, std::int32_t block_size)
    : block_size_(static_cast<std::size_t>(block_size)) {
  TROUPE_CHECK(block_size > 0, "blocks of " + std::to_string(block_size) + " tokens");
  const auto count = static_cast<std::size_t>(num_places);
  buckets_.assign(std::bit_ceil(count * 2 + 1), kEnd);
  next_.assign(count, kEnd);
  name_.resize(count);
  parent_.resize(count);
  tokens_.resize(count * block_size_);
}

std::size_t PrefixIndex::bucket_of(PrefixId parent, std::span<const TokenId> tokens) const {
  return static_cast<std::size_t>(prefix_hash(parent, tokens)) & (buckets_.size() - 1);
}

std::span<const TokenId> PrefixIndex::tokens_of(std::int32_t place) const {
  return std::span(tokens_).subspan(at(place) * block_size_, block_size_);
}

std::optional<std::int32_t> PrefixIndex::find(PrefixId parent,
                                              std::span<const TokenId> tokens) const {
  TROUPE_CHECK(tokens.size() == block_size_, "only full blocks are cached");
  for (auto place = buckets_[bucket_of(parent, tokens)]; place != kEnd; place = next_[at(place)]) {
    if (parent_[at(place)] == parent && std::ranges::equal(tokens_of(place), tokens)) {
      return place;
    }
  }
  return std::nullopt;
}

void PrefixIndex::insert(const NamedTokens& content, std::int32_t place) {
  TROUPE_CHECK(content.name != PrefixId{}, "an entry without a name");
  TROUPE_CHECK(!contains(place), "place " + std::to_string(place) + " has an entry already");
  TROUPE_CHECK(!find(content.parent, content.tokens), "another place holds the same content");
  auto& bucket = buckets_[bucket_of(content.parent, content.tokens)];
  next_[at(place)] = bucket;
  bucket = place;
  name_[at(place)] = content.name;
  parent_[at(place)] = content.parent;
  std::ranges::copy(content.tokens,
                    tokens_.begin() + static_cast<std::ptrdiff_t>(at(place) * block_size_));
  ++size_;
}

void PrefixIndex::erase(std::int32_t place) {
  TROUPE_CHECK(contains(place), "place " + std::to_string(place) + " has no entry");
  auto* link = &buckets_[bucket_of(parent_[at(place)], tokens_of(place))];
  while (*link != place) {
    TROUPE_CHECK(*link != kEnd, "place " + std::to_string(place) + " is not linked");
    link = &next_[at(*link)];
  }
  *link = next_[at(place)];
  next_[at(place)] = kEnd;
  name_[at(place)] = PrefixId{};
  --size_;
}

void PrefixIndex::audit() const {
  std::int32_t linked = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    for (auto place = buckets_[bucket]; place != kEnd; place = next_[at(place)]) {
      audit_entry(place, bucket);
      ++linked;
    }
  }
  const auto named = std::ranges::count_if(name_, [](PrefixId one) { return one != PrefixId{}; });
  TROUPE_CHECK(linked == size_ && named == size_, "entries linked, named and counted differ");
}

void PrefixIndex::audit_entry(std::int32_t place, std::size_t bucket) const {
  TROUPE_CHECK(contains(place), "a place without an entry is linked");
  TROUPE_CHECK(bucket_of(parent_[at(place)], tokens_of(place)) == bucket,
               "place " + std::to_string(place) + " is linked under a foreign hash");
}

}  // namespace troupe
