// Where keys and values lie in the paged cache: [layer][block][key, value][KV head][16 tokens][D].
// Within a page of one head, the 16-byte chunks of a token's row are permuted by the token's place,
// so that a page copied to shared memory as it lies is read there without bank conflicts.
#pragma once

#include "kernels/cuda/bfloat16.h"

#include <cstdint>

namespace troupe::cuda {

/// Tokens of a block. Also the depth of one matrix instruction over the keys.
inline constexpr int kPageTokens = 16;
/// Elements of a 16-byte chunk.
inline constexpr int kChunk = 8;

/// The place within its row of chunk `chunk` of the token at `token` of its page. `head_size` 64,
/// 96 or 128: rows of 192 bytes need the permutation in pairs of rows.
[[nodiscard]] constexpr int permuted_chunk(int head_size, int token, int chunk) {
  return head_size % 64 == 0 ? chunk ^ (token & 7) : chunk ^ ((token >> 1) & 3);
}

/// One layer of the cache.
struct KvLayer {
  Bf16* data = nullptr;
  std::int32_t num_kv_heads = 0;
  std::int32_t head_size = 0;

  [[nodiscard]] constexpr std::int64_t page_size() const {
    return static_cast<std::int64_t>(kPageTokens) * head_size;
  }

  [[nodiscard]] constexpr std::int64_t block_size() const { return 2 * page_size() * num_kv_heads; }

  /// Element offset of the key page of `head` in `block`; its value page is `value_offset()` on.
  [[nodiscard]] constexpr std::int64_t key_page(std::int32_t block, std::int32_t head) const {
    return block * block_size() + head * page_size();
  }

  [[nodiscard]] constexpr std::int64_t value_offset() const { return num_kv_heads * page_size(); }
};

}  // namespace troupe::cuda
