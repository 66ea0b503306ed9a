// The prompts that a plan goes on computing, so that nobody computes the same beside them.
#pragma once

#include "engine/memory/prefix_index.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <unordered_map>

namespace troupe {

/// Who waits for a prefix loses a step, and a step takes its time however little it computes: what
/// is saved must be this part of what is left to compute.
inline constexpr std::int64_t kMinAwaitedPart = 8;

/// Whether to wait for `num_promised` tokens of the `num_left` that are to be computed, the last of
/// which is computed in any case.
[[nodiscard]] constexpr bool worth_waiting(std::int32_t num_promised, std::int32_t num_left) {
  const std::int64_t num_saved = std::min(num_promised, num_left - 1);
  return num_saved > 0 && num_saved * kMinAwaitedPart >= num_left;
}

/// Owned by the memory manager, and good for one settling: a promise is made by a row that was
/// granted in it, so it is always kept to that row's end, and nobody waits for one who is gone.
class PromisedPrefixes {
 public:
  explicit PromisedPrefixes(std::int32_t block_size);

  void clear() { promises_.clear(); }

  /// A row that was granted goes on behind `prefix` with `tokens`: from there to the end of its
  /// prompt. Fewer than a block are no promise, and the first to promise a block is remembered.
  /// `tokens` must live until `clear`.
  void promise(PrefixId prefix, std::span<const TokenId> tokens);

  /// How many tokens, in whole blocks, somebody promised to compute behind `prefix` that are the
  /// same as in `tokens`. Costs O(tokens).
  [[nodiscard]] std::int32_t num_shared_tokens(PrefixId prefix,
                                               std::span<const TokenId> tokens) const;

 private:
  struct Promise {
    PrefixId prefix;
    std::span<const TokenId> tokens;
  };

  std::size_t block_size_;
  // By a hash of the prefix and the next block. Of two that collide the second is forgotten: then
  // somebody computes what he could have waited for.
  std::unordered_map<std::uint64_t, Promise> promises_;
};

}  // namespace troupe
