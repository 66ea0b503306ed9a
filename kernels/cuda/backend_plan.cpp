#include "kernels/cuda/backend_plan.h"

#include "kernels/cuda/attention.h"
#include "kernels/cuda/kv_cache.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace troupe::cuda {
namespace {

// Scratch of decode attention: enough for 256 sequences of 8,192 tokens. Beyond it the rest of a
// batch goes through prefill attention, which needs none.
constexpr std::int32_t kMaxDecodeItems = 8192;

constexpr std::int32_t kMaxSeats = 4096;
constexpr std::int32_t kMaxStepTokens = 1 << 20;

Result<void> check_range(std::int64_t value,
                         std::int64_t least,
                         std::int64_t most,
                         const std::string& name) {
  if (value < least || value > most) {
    return fail(ErrorCode::invalid_value,
                name + " is " + std::to_string(value) + ", it must be " + std::to_string(least) +
                    " to " + std::to_string(most),
                name);
  }
  return {};
}

Result<void> check_options(const CudaOptions& options, std::int32_t max_model_len) {
  const struct {
    std::int64_t value;
    std::int64_t least;
    std::int64_t most;
    const char* name;
  } ranges[] = {
      {options.block_size, kPageTokens, kPageTokens, "block_size"},
      {options.num_host_blocks, 0, std::numeric_limits<std::int32_t>::max() / kPageTokens,
       "num_host_blocks"},
      {options.max_num_seqs, 1, kMaxSeats, "max_num_seqs"},
      {options.max_num_batched_tokens, 1, kMaxStepTokens, "max_num_batched_tokens"},
      {max_model_len, 1, std::numeric_limits<std::int32_t>::max() / 2, "max_model_len"},
      {options.num_blocks.value_or(1), 1, std::numeric_limits<std::int32_t>::max() / kPageTokens,
       "num_blocks"},
  };

  for (const auto& range : ranges) {
    if (auto checked = check_range(range.value, range.least, range.most, range.name); !checked) {
      return checked;
    }
  }
  if (!(options.gpu_memory_utilization > 0.0F && options.gpu_memory_utilization <= 1.0F)) {
    return fail(ErrorCode::invalid_value,
                "gpu_memory_utilization is " + std::to_string(options.gpu_memory_utilization) +
                    ", it must be above 0 and at most 1",
                "gpu_memory_utilization");
  }
  return {};
}

std::string megabytes(std::int64_t num_bytes) {
  return std::to_string(num_bytes >> 20U) + " MiB";
}

}  // namespace

Result<BackendPlan> plan_backend(const ModelSpec& spec, const CudaOptions& options) {
  BackendPlan plan;
  plan.max_model_len = options.max_model_len > 0 ? options.max_model_len : spec.max_position;
  if (auto checked = check_options(options, plan.max_model_len); !checked) {
    return pass(std::move(checked));
  }
  // Attention reads tables in groups of four blocks.
  const auto num_tiles = (plan.max_model_len + 4 * kPageTokens - 1) / (4 * kPageTokens);
  const auto table_width = 4 * num_tiles;
  const auto splits = num_decode_splits(plan.max_model_len);
  const auto all_splits = std::int64_t{splits} * options.max_num_seqs;
  const auto num_items = static_cast<std::int32_t>(
      std::min<std::int64_t>(all_splits, std::max(splits, kMaxDecodeItems)));
  const auto group = spec.num_heads / spec.num_kv_heads;
  plan.activations = {.num_tokens = std::max(options.max_num_batched_tokens, options.max_num_seqs),
                      .num_seats = options.max_num_seqs,
                      .max_model_len = plan.max_model_len,
                      .table_width = table_width,
                      .num_decode_items = num_items};
  plan.step = {.num_tokens = plan.activations.num_tokens,
               .num_sequences = options.max_num_seqs,
               .table_width = table_width,
               .num_decode_items = num_items,
               .num_prefill_items =
                   max_prefill_items(plan.activations.num_tokens, options.max_num_seqs, group)};
  return plan;
}

std::int64_t bytes_per_block(const ModelSpec& spec) {
  const KvLayer layer{.num_kv_heads = spec.num_kv_heads, .head_size = spec.head_size};
  return layer.block_size() * spec.num_layers * static_cast<std::int64_t>(sizeof(Bf16));
}

Result<std::int32_t> count_blocks(const ModelSpec& spec,
                                  const CudaOptions& options,
                                  const BackendPlan& plan,
                                  const DeviceMemory& memory) {
  const auto total = static_cast<std::int64_t>(memory.total_bytes);
  const auto used = total - static_cast<std::int64_t>(memory.free_bytes);
  const auto block = bytes_per_block(spec);
  const auto allowed =
      static_cast<std::int64_t>(static_cast<double>(total) * options.gpu_memory_utilization);
  const auto least = (plan.max_model_len + kPageTokens - 1) / kPageTokens;
  const auto fit = std::max<std::int64_t>(allowed - used, 0) / block;
  if (options.num_blocks) {
    return *options.num_blocks;
  }
  if (fit < least) {
    return fail(ErrorCode::resource_exhausted,
                "of " + megabytes(total) + " device memory, " + megabytes(allowed) +
                    " may be used (gpu_memory_utilization) and " + megabytes(used) +
                    " are taken by weights and activations: " + std::to_string(fit) +
                    " KV blocks fit, one sequence of max_model_len " +
                    std::to_string(plan.max_model_len) + " takes " + std::to_string(least) +
                    "; lower max_model_len, max_num_batched_tokens or max_num_seqs",
                "max_model_len");
  }
  // Slots are counted in 32 bits.
  const std::int64_t most = std::numeric_limits<std::int32_t>::max() / kPageTokens;
  return static_cast<std::int32_t>(std::min(fit, most));
}

}  // namespace troupe::cuda
