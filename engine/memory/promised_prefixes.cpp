#include "engine/memory/promised_prefixes.h"

#include "engine/memory/prefix_hash.h"

#include <algorithm>

namespace troupe {

PromisedPrefixes::PromisedPrefixes(std::int32_t block_size)
    : block_size_(static_cast<std::size_t>(block_size)) {}

void PromisedPrefixes::promise(PrefixId prefix, std::span<const TokenId> tokens) {
  if (tokens.size() >= block_size_) {
    promises_.try_emplace(prefix_hash(prefix, tokens.first(block_size_)), Promise{prefix, tokens});
  }
}

std::int32_t PromisedPrefixes::num_shared_tokens(PrefixId prefix,
                                                 std::span<const TokenId> tokens) const {
  if (promises_.empty() || tokens.size() < block_size_) {
    return 0;
  }
  const auto found = promises_.find(prefix_hash(prefix, tokens.first(block_size_)));
  if (found == promises_.end() || found->second.prefix != prefix) {
    return 0;
  }
  const auto end = std::ranges::mismatch(tokens, found->second.tokens).in1;
  const auto num_same = static_cast<std::size_t>(end - tokens.begin());
  return static_cast<std::int32_t>(num_same / block_size_ * block_size_);
}

}  // namespace troupe
