// Keys and values in pages of 16 tokens, laid out so that scores and weighted sums are products of
// the same kind as all others.
#pragma once

#include "engine/base/result.h"
#include "engine/model/model_spec.h"
#include "kernels/cpu/host_memory.h"
#include "kernels/cpu/path_kernels.h"

#include <cstdint>

namespace troupe::cpu {

/// [layer][page][KV head]: keys [D / 2][16][2], then values [8][W][2], where W is D rounded up to
/// whole vectors. A slot counts tokens: page = slot / 16. The blocks of the plan are runs of pages.
class KvCache {
 public:
  /// Bytes that a block takes in all layers. `block_size` is a multiple of 16 (checked).
  [[nodiscard]] static std::int64_t bytes_per_block(const ModelSpec& spec, std::int32_t block_size);

  /// Error `resource_exhausted` when memory does not suffice.
  [[nodiscard]] static Result<KvCache> make(const ModelSpec& spec,
                                            std::int32_t block_size,
                                            std::int32_t num_blocks);

  [[nodiscard]] std::int64_t num_slots() const { return num_pages_ * kPageTokens; }

  /// W: the columns of a value page.
  [[nodiscard]] std::int32_t width() const { return width_; }

  [[nodiscard]] const Bf16* keys(std::int32_t layer,
                                 std::int64_t page,
                                 std::int32_t kv_head) const {
    return head(layer, page, kv_head);
  }

  [[nodiscard]] const Bf16* values(std::int32_t layer,
                                   std::int64_t page,
                                   std::int32_t kv_head) const {
    return head(layer, page, kv_head) + std::int64_t{head_size_} * kPageTokens;
  }

  struct Place {
    std::int32_t layer = 0;
    std::int32_t kv_head = 0;
    std::int64_t slot = 0;
  };

  /// Writes one token's key and value, [D] each.
  void store(const Place& place, const Bf16* key, const Bf16* value);

  /// Zeroes the value next to `place` when the two share a pair: sums are formed pair by pair, and
  /// what an earlier sequence left there, were it infinite, must not enter this one's.
  void clear_partner(const Place& place);

  /// Writes block `to` as block `from` of `source`, which has the same shape but perhaps another
  /// number of blocks. Checked: both exist.
  void copy_block(const KvCache& source, std::int32_t from, std::int32_t to);

  /// Fills the whole cache with one value: for tests of what must never be read.
  void fill(Bf16 value);

 private:
  [[nodiscard]] Bf16* head(std::int32_t layer, std::int64_t page, std::int32_t kv_head) const {
    return data_ + ((layer * num_pages_ + page) * num_kv_heads_ + kv_head) * head_elements_;
  }

  HostMemory memory_;
  Bf16* data_ = nullptr;
  std::int32_t num_layers_ = 0;
  std::int64_t num_pages_ = 0;
  std::int32_t pages_per_block_ = 0;
  std::int32_t num_kv_heads_ = 0;
  std::int32_t head_size_ = 0;
  std::int32_t width_ = 0;
  std::int64_t head_elements_ = 0;  // of one head of a page, keys and values
};

}  // namespace troupe::cpu
