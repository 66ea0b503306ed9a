// Turns options into shapes, or says what is wrong with them.
#include "kernels/cpu/cpu_backend.h"

#include "engine/base/check.h"
#include "kernels/cpu/cpu_operations.h"
#include "kernels/decoder/host_backend.h"
#include "kernels/decoder/prefill_cost.h"

#include <algorithm>
#include <limits>
#include <string>
#include <thread>
#include <utility>

namespace troupe {
namespace {

constexpr std::int32_t kMaxThreads = 1024;

// What a core copies, and what it computes of a prompt, to the order of magnitude: the choice
// between moving a block and computing it anew is never near the border here.
constexpr double kCopiedBytesPerSecond = 4e9;
constexpr double kOperationsPerSecond = 5e10;

Result<void> check_positive(std::int64_t value, const std::string& name) {
  if (value < 1) {
    return fail(ErrorCode::invalid_value,
                name + " is " + std::to_string(value) + ", it must be at least 1", name);
  }
  return {};
}

Result<std::int32_t> count_threads(const CpuOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return fail(ErrorCode::invalid_value,
                "threads is " + std::to_string(options.threads) + ", it must be 0 to " +
                    std::to_string(kMaxThreads),
                "threads");
  }
  const auto cores = static_cast<std::int32_t>(std::thread::hardware_concurrency());
  return options.threads > 0 ? options.threads : std::clamp(cores, 1, kMaxThreads);
}

Result<std::int32_t> count_blocks(const ModelSpec& spec, const CpuOptions& options) {
  if (options.block_size < 1 || options.block_size % cpu::kPageTokens != 0) {
    return fail(ErrorCode::invalid_value,
                "block_size is " + std::to_string(options.block_size) +
                    ", the CPU takes multiples of " + std::to_string(cpu::kPageTokens),
                "block_size");
  }
  if (options.num_blocks < 0) {
    return fail(ErrorCode::invalid_value,
                "num_blocks is " + std::to_string(options.num_blocks) + ", it cannot be negative",
                "num_blocks");
  }
  if (options.num_blocks > 0) {
    return options.num_blocks;
  }
  const auto bytes = cpu::KvCache::bytes_per_block(spec, options.block_size);
  const auto blocks = options.kv_cache_bytes / bytes;
  if (blocks < 1) {
    return fail(ErrorCode::invalid_value,
                "kv_cache_bytes is " + std::to_string(options.kv_cache_bytes) +
                    ", one block of this model takes " + std::to_string(bytes),
                "kv_cache_bytes");
  }
  const std::int64_t most = std::numeric_limits<std::int32_t>::max() / options.block_size;
  return static_cast<std::int32_t>(std::min(blocks, most));
}

Result<cpu::OperationsShape> make_shape(const ModelSpec& spec, const CpuOptions& options) {
  const auto threads = count_threads(options);
  if (!threads) {
    return tl::unexpected(threads.error());
  }
  const auto path = choose_cpu_path(options.path);
  if (!path) {
    return tl::unexpected(path.error());
  }
  if (options.num_host_blocks < 0) {
    return fail(
        ErrorCode::invalid_value,
        "num_host_blocks is " + std::to_string(options.num_host_blocks) + ", it cannot be negative",
        "num_host_blocks");
  }
  const auto blocks = count_blocks(spec, options);
  if (!blocks) {
    return tl::unexpected(blocks.error());
  }
  if (auto seats = check_positive(options.max_num_seqs, "max_num_seqs"); !seats) {
    return pass(std::move(seats));
  }
  if (auto tokens = check_positive(options.max_num_batched_tokens, "max_num_batched_tokens");
      !tokens) {
    return pass(std::move(tokens));
  }
  return cpu::OperationsShape{.num_threads = *threads,
                              .path = *path,
                              .block_size = options.block_size,
                              .num_blocks = *blocks,
                              .num_host_blocks = options.num_host_blocks,
                              .max_num_seqs = options.max_num_seqs,
                              .max_num_batched_tokens = options.max_num_batched_tokens};
}

std::string device_name(const cpu::OperationsShape& shape) {
  return "cpu (" + std::to_string(shape.num_threads) +
         (shape.num_threads == 1 ? " thread, " : " threads, ") +
         std::string(to_string(shape.path)) + ")";
}

}  // namespace

Result<std::shared_ptr<const CpuModel>> make_cpu_model(std::shared_ptr<const Model> model,
                                                       const CpuOptions& options) {
  auto threads = count_threads(options);
  if (!threads) {
    return pass(std::move(threads));
  }
  return cpu::pack_model(std::move(model), *threads);
}

Result<std::unique_ptr<Backend>> make_cpu_backend(std::shared_ptr<const CpuModel> model,
                                                  const CpuOptions& options) {
  TROUPE_CHECK(model != nullptr, "a model to compute with");
  const auto& spec = model->source->spec;
  auto shape = make_shape(spec, options);
  if (!shape) {
    return pass(std::move(shape));
  }
  auto operations = cpu::CpuOperations::make(model, *shape);
  if (!operations) {
    return pass(std::move(operations));
  }
  BackendDescription description{
      .device = device_name(*shape),
      .num_blocks = shape->num_blocks,
      .block_size = shape->block_size,
      .bytes_per_block = cpu::KvCache::bytes_per_block(spec, shape->block_size),
      .max_num_seqs = shape->max_num_seqs,
      .max_num_batched_tokens = shape->max_num_batched_tokens,
      .vocab_size = spec.vocab_size,
      .num_host_blocks = shape->num_host_blocks,
      .host_link_bytes_per_second = kCopiedBytesPerSecond,
      .prefill_tokens_per_second =
          shape->num_threads * kOperationsPerSecond / operations_per_token(spec)};
  return make_host_backend(std::move(*operations), std::move(description), spec.num_layers);
}

}  // namespace troupe
