// Chains are linked both ways: thousands of blocks may begin alike, and one must leave in O(1).
#include "engine/memory/beginning_index.h"

#include "engine/base/check.h"
#include "engine/memory/prefix_hash.h"

#include <bit>
#include <string>
#include <utility>

namespace troupe {
namespace {

constexpr std::int32_t kNone = -1;

}  // namespace

BeginningIndex::BeginningIndex(std::int32_t num_places, std::int32_t num_key_tokens)
    : num_key_tokens_(num_key_tokens) {
  TROUPE_CHECK(num_key_tokens > 0, "a key without tokens");
  const auto count = static_cast<std::size_t>(num_places);
  buckets_.assign(std::bit_ceil(count * 2 + 1), kNone);
  bucket_.assign(count, kNone);
  next_.assign(count, kNone);
  previous_.assign(count, kNone);
}

std::int32_t BeginningIndex::bucket_of(PrefixId parent, std::span<const TokenId> tokens) const {
  const auto hash = prefix_hash(parent, tokens.first(static_cast<std::size_t>(num_key_tokens_)));
  return static_cast<std::int32_t>(hash & (buckets_.size() - 1));
}

void BeginningIndex::insert(std::int32_t place, PrefixId parent, std::span<const TokenId> tokens) {
  TROUPE_CHECK(bucket_[at(place)] == kNone, "place " + std::to_string(place) + " is in already");
  const auto bucket = bucket_of(parent, tokens);
  auto& first = buckets_[at(bucket)];
  bucket_[at(place)] = bucket;
  next_[at(place)] = first;
  previous_[at(place)] = kNone;
  if (first != kNone) {
    previous_[at(first)] = place;
  }
  first = place;
}

void BeginningIndex::erase(std::int32_t place) {
  const auto bucket = bucket_[at(place)];
  TROUPE_CHECK(bucket != kNone, "place " + std::to_string(place) + " is not in");
  const auto next = next_[at(place)];
  const auto previous = previous_[at(place)];
  (previous == kNone ? buckets_[at(bucket)] : next_[at(previous)]) = next;
  if (next != kNone) {
    previous_[at(next)] = previous;
  }
  bucket_[at(place)] = kNone;
}

std::int32_t BeginningIndex::latest(PrefixId parent, std::span<const TokenId> tokens) const {
  return std::cmp_less(tokens.size(), num_key_tokens_) ? kNone
                                                       : buckets_[at(bucket_of(parent, tokens))];
}

}  // namespace troupe
