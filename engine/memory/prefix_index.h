// Which place holds which tokens behind which prefix. Entries are found by a hash and confirmed
// token by token, so that a collision can never give wrong content. A place is a block of the
// device or a slot of the host: that is not known here.
#pragma once

#include "engine/base/ids.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace troupe {

/// Names a block's tokens together with all tokens before them. Never reused, so a block behind a
/// prefix that was given up cannot be taken for one behind another. 0: the empty prefix, without a
/// salt.
using PrefixId = StrongId<struct PrefixTag, std::uint64_t>;

/// A block's content: its tokens, what stands before them, and the name of both together.
struct NamedTokens {
  PrefixId parent;
  std::span<const TokenId> tokens;  // exactly one block of them
  PrefixId name;
};

/// Owned by a tier of memory; not thread-safe. Allocates at the start only: `block_size` token ids
/// a place. Every operation costs O(block_size).
class PrefixIndex {
 public:
  PrefixIndex(std::int32_t num_places, std::int32_t block_size);

  /// The place that holds `tokens` behind `parent`. Checked: exactly one block of tokens.
  [[nodiscard]] std::optional<std::int32_t> find(PrefixId parent,
                                                 std::span<const TokenId> tokens) const;

  /// Remembers what `place` holds. Checked: neither the place nor the content has an entry yet.
  void insert(const NamedTokens& content, std::int32_t place);

  /// Forgets what a place holds. Checked: it has an entry.
  void erase(std::int32_t place);

  [[nodiscard]] bool contains(std::int32_t place) const { return name(place) != PrefixId{}; }

  /// The name of the prefix that ends with this place, or 0 when it has no entry.
  [[nodiscard]] PrefixId name(std::int32_t place) const { return name_[at(place)]; }

  /// Valid until the place gets another entry, even when it was erased meanwhile.
  [[nodiscard]] NamedTokens content(std::int32_t place) const {
    return {parent_[at(place)], tokens_of(place), name(place)};
  }

  [[nodiscard]] std::int32_t size() const { return size_; }

  [[nodiscard]] std::int32_t num_places() const { return static_cast<std::int32_t>(name_.size()); }

  /// Checked: each entry is linked exactly once, under its own hash.
  void audit() const;

 private:
  [[nodiscard]] static std::size_t at(std::int32_t place) {
    return static_cast<std::size_t>(place);
  }

  [[nodiscard]] std::size_t bucket_of(PrefixId parent, std::span<const TokenId> tokens) const;
  [[nodiscard]] std::span<const TokenId> tokens_of(std::int32_t place) const;
  void audit_entry(std::int32_t place, std::size_t bucket) const;

  std::size_t block_size_;
  std::int32_t size_ = 0;
  std::vector<std::int32_t> buckets_;  // first place of each chain; a power of two of them
  std::vector<std::int32_t> next_;     // by place, as all below
  std::vector<PrefixId> name_;
  std::vector<PrefixId> parent_;
  std::vector<TokenId> tokens_;
};

}  // namespace troupe
