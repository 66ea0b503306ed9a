// Where one token's key and value go, element by element.
#include "kernels/cpu/kv_cache.h"

#include "engine/base/check.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace troupe::cpu {
namespace {

std::int32_t value_width(const ModelSpec& spec) {
  return (spec.head_size + kVectorColumns - 1) / kVectorColumns * kVectorColumns;
}

std::int64_t elements_per_head(const ModelSpec& spec) {
  return std::int64_t{kPageTokens} * (spec.head_size + value_width(spec));
}

}  // namespace

std::int64_t KvCache::bytes_per_block(const ModelSpec& spec, std::int32_t block_size) {
  TROUPE_CHECK(block_size > 0 && block_size % kPageTokens == 0,
               "a block must be made of whole pages of 16 tokens");
  const std::int64_t pages = std::int64_t{block_size / kPageTokens} * spec.num_layers;
  return pages * spec.num_kv_heads * elements_per_head(spec) *
         static_cast<std::int64_t>(sizeof(Bf16));
}

Result<KvCache> KvCache::make(const ModelSpec& spec,
                              std::int32_t block_size,
                              std::int32_t num_blocks) {
  const auto bytes = bytes_per_block(spec, block_size) * num_blocks;
  auto memory =
      HostMemory::reserve(bytes, "a KV cache of " + std::to_string(num_blocks) + " blocks");
  if (!memory) {
    return pass(std::move(memory));
  }
  KvCache cache;
  cache.memory_ = std::move(*memory);
  cache.data_ = reinterpret_cast<Bf16*>(cache.memory_.data());
  cache.num_layers_ = spec.num_layers;
  cache.pages_per_block_ = block_size / kPageTokens;
  cache.num_pages_ = std::int64_t{num_blocks} * cache.pages_per_block_;
  cache.num_kv_heads_ = spec.num_kv_heads;
  cache.head_size_ = spec.head_size;
  cache.width_ = value_width(spec);
  cache.head_elements_ = elements_per_head(spec);
  return cache;
}

void KvCache::store(const Place& place, const Bf16* key, const Bf16* value) {
  const auto token = place.slot % kPageTokens;
  Bf16* const keys = head(place.layer, place.slot / kPageTokens, place.kv_head);
  for (std::int32_t i = 0; i < head_size_ / 2; ++i) {
    std::memcpy(keys + (i * kPageTokens + token) * 2, key + 2 * i, 2 * sizeof(Bf16));
  }
  Bf16* const values = keys + std::int64_t{head_size_} * kPageTokens;
  Bf16* const row = values + (token / 2) * width_ * 2 + token % 2;
  for (std::int32_t i = 0; i < head_size_; ++i) {
    row[2 * i] = value[i];
  }
}

void KvCache::clear_partner(const Place& place) {
  const auto token = place.slot % kPageTokens;
  if (token % 2 != 0) {
    return;
  }
  Bf16* const keys = head(place.layer, place.slot / kPageTokens, place.kv_head);
  Bf16* const values = keys + std::int64_t{head_size_} * kPageTokens;
  Bf16* const row = values + (token / 2) * width_ * 2 + 1;
  for (std::int32_t i = 0; i < head_size_; ++i) {
    row[2 * i] = 0;
  }
}

void KvCache::copy_block(const KvCache& source, std::int32_t from, std::int32_t to) {
  const auto first = std::int64_t{from} * pages_per_block_;
  const auto target = std::int64_t{to} * pages_per_block_;
  TROUPE_CHECK(from >= 0 && first < source.num_pages_ && to >= 0 && target < num_pages_,
               "block " + std::to_string(from) + " to block " + std::to_string(to));
  const auto elements = pages_per_block_ * num_kv_heads_ * head_elements_;
  for (std::int32_t layer = 0; layer < num_layers_; ++layer) {
    std::copy_n(source.head(layer, first, 0), elements, head(layer, target, 0));
  }
}

void KvCache::fill(Bf16 value) {
  std::fill_n(data_, memory_.num_bytes() / static_cast<std::int64_t>(sizeof(Bf16)), value);
}

}  // namespace troupe::cpu
