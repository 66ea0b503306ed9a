// How many KV blocks a device gets: arithmetic alone.
#pragma once

#include "engine/base/result.h"
#include "engine/model/model_spec.h"

#include <cstdint>
#include <optional>

namespace troupe::cli {

/// Without a wish the cache never takes more than this.
inline constexpr std::int64_t kMaxStandardKvBytes = std::int64_t{4} << 30;
/// … nor more than this share of the memory that is free.
inline constexpr std::int64_t kFreeMemoryDivisor = 4;

/// Keys and values of one block in all layers, each number in `bytes_per_number`, without padding.
[[nodiscard]] std::int64_t plain_bytes_per_block(const ModelSpec& spec,
                                                 std::int32_t block_size,
                                                 std::int64_t bytes_per_number);

struct KvDemand {
  std::int64_t bytes_per_block = 0;
  std::int32_t block_size = 16;    // tokens
  std::int32_t max_num_seqs = 1;   // that run at once
  std::int32_t max_model_len = 1;  // tokens of the longest of them
  std::int64_t free_memory_bytes = 0;
  std::optional<std::int64_t> asked_bytes{};   // --kv-cache-memory-bytes
  std::optional<std::int32_t> asked_blocks{};  // --num-gpu-blocks-override; wins
};

/// The number of blocks: as asked, or what all sequences at their longest need, within the two
/// bounds above. Errors: `invalid_value` when not even one block fits.
[[nodiscard]] Result<std::int32_t> num_kv_blocks(const KvDemand& demand);

/// The blocks of a host tier of so many bytes, rounded down; none for no bytes.
[[nodiscard]] std::int32_t num_host_blocks(std::int64_t bytes, std::int64_t bytes_per_block);

}  // namespace troupe::cli
