// Finds blocks whose content begins like something, without being the same: those that stand behind
// the same prefix and share their first tokens, the latest first.
#pragma once

#include "engine/memory/prefix_index.h"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// Owned by the prefix cache; not thread-safe. Knows places by hash alone: whoever asks compares.
/// Allocates at the start only; every operation costs O(num_key_tokens).
class BeginningIndex {
 public:
  /// The first `num_key_tokens` tokens of a block are what must be the same.
  BeginningIndex(std::int32_t num_places, std::int32_t num_key_tokens);

  /// Checked: it is not in yet; tokens for a key.
  void insert(std::int32_t place, PrefixId parent, std::span<const TokenId> tokens);

  /// Checked: it is in.
  void erase(std::int32_t place);

  [[nodiscard]] std::int32_t num_key_tokens() const { return num_key_tokens_; }

  /// The place that came in last among those under the same hash, or -1; then the one before it.
  [[nodiscard]] std::int32_t latest(PrefixId parent, std::span<const TokenId> tokens) const;

  [[nodiscard]] std::int32_t before(std::int32_t place) const { return next_[at(place)]; }

 private:
  [[nodiscard]] static std::size_t at(std::int32_t place) {
    return static_cast<std::size_t>(place);
  }

  [[nodiscard]] std::int32_t bucket_of(PrefixId parent, std::span<const TokenId> tokens) const;

  std::int32_t num_key_tokens_;
  std::vector<std::int32_t> buckets_;   // first place of each chain; a power of two of them
  std::vector<std::int32_t> bucket_;    // by place: whose chain it is in, or -1
  std::vector<std::int32_t> next_;      // by place
  std::vector<std::int32_t> previous_;  // by place; -1: the first of its chain
};

}  // namespace troupe
