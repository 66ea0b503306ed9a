#include "cli/kv_budget.h"

#include "cli/human_number.h"
#include "engine/base/check.h"

#include <algorithm>
#include <string>

namespace troupe::cli {

std::int64_t plain_bytes_per_block(const ModelSpec& spec,
                                   std::int32_t block_size,
                                   std::int64_t bytes_per_number) {
  return std::int64_t{2} * spec.num_layers * spec.num_kv_heads * spec.head_size * block_size *
         bytes_per_number;
}

Result<std::int32_t> num_kv_blocks(const KvDemand& demand) {
  TROUPE_CHECK(demand.bytes_per_block > 0 && demand.block_size > 0, "a block without a size");
  if (demand.asked_blocks) {
    return *demand.asked_blocks;
  }
  const std::int64_t blocks_of_one =
      (std::int64_t{demand.max_model_len} + demand.block_size - 1) / demand.block_size;
  const auto useful_bytes = blocks_of_one * demand.max_num_seqs * demand.bytes_per_block;
  const auto standard =
      std::min({useful_bytes, demand.free_memory_bytes / kFreeMemoryDivisor, kMaxStandardKvBytes});
  const auto bytes = demand.asked_bytes.value_or(standard);
  const auto num_blocks = std::min<std::int64_t>(bytes / demand.bytes_per_block, INT32_MAX);
  if (num_blocks < 1) {
    return fail(ErrorCode::invalid_value,
                "the KV cache has " + human_bytes(bytes) + ", one block of " +
                    std::to_string(demand.block_size) + " tokens takes " +
                    human_bytes(demand.bytes_per_block) + "; see --kv-cache-memory-bytes",
                "--kv-cache-memory-bytes");
  }
  return static_cast<std::int32_t>(num_blocks);
}

std::int32_t num_host_blocks(std::int64_t bytes, std::int64_t bytes_per_block) {
  TROUPE_CHECK(bytes >= 0 && bytes_per_block > 0, "a host tier without a size");
  return static_cast<std::int32_t>(std::min<std::int64_t>(bytes / bytes_per_block, INT32_MAX));
}

}  // namespace troupe::cli
