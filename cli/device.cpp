#include "cli/device.h"

#include "cli/cuda_device.h"
#include "cli/free_memory.h"
#include "cli/human_number.h"
#include "cli/kv_budget.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/kv_cache.h"
#include "kernels/reference/reference_backend.h"
#include "kernels/sim/sim_backend.h"

#include <algorithm>
#include <utility>

namespace troupe::cli {
namespace {

/// What all devices need to know before they are made.
struct Plan {
  const AssemblyOptions& options;
  std::shared_ptr<const Model> model;
  std::int32_t max_model_len = 0;
};

Result<std::int32_t> plan_blocks(const Plan& plan, std::int64_t bytes_per_block) {
  return num_kv_blocks({.bytes_per_block = bytes_per_block,
                        .block_size = plan.options.block_size,
                        .max_num_seqs = plan.options.max_num_seqs,
                        .max_model_len = plan.max_model_len,
                        .free_memory_bytes = free_memory_bytes(),
                        .asked_bytes = plan.options.kv_cache_memory_bytes,
                        .asked_blocks = plan.options.num_blocks});
}

// The memory of these devices is the host's own, so none is set aside unless it is asked for.
Result<std::int32_t> plan_host_blocks(const Plan& plan, std::int64_t bytes_per_block) {
  const auto bytes = plan.options.swap_space_bytes.value_or(0);
  if (const auto free = free_memory_bytes(); bytes > free) {
    return fail(ErrorCode::invalid_value,
                "--swap-space is " + human_bytes(bytes) + ", " + human_bytes(free) +
                    " of the machine's memory are free",
                "--swap-space");
  }
  return num_host_blocks(bytes, bytes_per_block);
}

/// The blocks of both tiers.
struct Tiers {
  std::int32_t num_blocks = 0;
  std::int32_t num_host_blocks = 0;
};

Result<Tiers> plan_tiers(const Plan& plan, std::int64_t bytes_per_block) {
  auto num_blocks = plan_blocks(plan, bytes_per_block);
  if (!num_blocks) {
    return pass(std::move(num_blocks));
  }
  auto host_blocks = plan_host_blocks(plan, bytes_per_block);
  if (!host_blocks) {
    return pass(std::move(host_blocks));
  }
  return Tiers{*num_blocks, *host_blocks};
}

Result<Device> make_cpu_device(const Plan& plan) {
  CpuOptions options;
  options.threads = plan.options.threads;
  options.block_size = plan.options.block_size;
  options.max_num_seqs = plan.options.max_num_seqs;
  options.max_num_batched_tokens = plan.options.max_num_batched_tokens;
  if (options.block_size % cpu::kPageTokens != 0) {
    return fail(ErrorCode::invalid_value,
                "--block-size is " + std::to_string(options.block_size) +
                    ", the CPU takes multiples of " + std::to_string(cpu::kPageTokens),
                "--block-size");
  }
  const auto bytes_per_block = cpu::KvCache::bytes_per_block(plan.model->spec, options.block_size);
  auto tiers = plan_tiers(plan, bytes_per_block);
  if (!tiers) {
    return pass(std::move(tiers));
  }
  options.num_blocks = tiers->num_blocks;
  options.num_host_blocks = tiers->num_host_blocks;
  auto weights = make_cpu_model(plan.model, options);
  if (!weights) {
    return pass(std::move(weights));
  }
  return begin_with([weights = *weights, options] { return make_cpu_backend(weights, options); });
}

Result<Device> make_reference_device(const Plan& plan) {
  const auto bytes_per_block =
      plain_bytes_per_block(plan.model->spec, plan.options.block_size, sizeof(float));
  auto tiers = plan_tiers(plan, bytes_per_block);
  if (!tiers) {
    return pass(std::move(tiers));
  }
  const ReferenceSizes sizes{.num_blocks = tiers->num_blocks,
                             .num_host_blocks = tiers->num_host_blocks,
                             .block_size = plan.options.block_size,
                             .max_num_seqs = plan.options.max_num_seqs,
                             .max_num_batched_tokens = plan.options.max_num_batched_tokens};
  return begin_with([model = plan.model, sizes] { return make_reference_backend(model, sizes); });
}

Result<Device> make_sim_device(const Plan& plan) {
  const auto bytes_per_block =
      plain_bytes_per_block(plan.model->spec, plan.options.block_size, sizeof(std::uint16_t));
  auto tiers = plan_tiers(plan, bytes_per_block);
  if (!tiers) {
    return pass(std::move(tiers));
  }
  SimOptions options;
  options.description = {.device = "sim (no arithmetic, no time)",
                         .num_blocks = tiers->num_blocks,
                         .block_size = plan.options.block_size,
                         .bytes_per_block = bytes_per_block,
                         .max_num_seqs = plan.options.max_num_seqs,
                         .max_num_batched_tokens = plan.options.max_num_batched_tokens,
                         .vocab_size = plan.model->spec.vocab_size,
                         .num_host_blocks = tiers->num_host_blocks};
  return begin_with([options]() -> Result<std::unique_ptr<Backend>> {
    return std::unique_ptr<Backend>(std::make_unique<SimBackend>(options));
  });
}

}  // namespace

Result<Device> begin_with(BackendFactory make) {
  auto first = make();
  if (!first) {
    return pass(std::move(first));
  }
  auto description = (*first)->description();
  auto waiting = std::make_shared<std::unique_ptr<Backend>>(std::move(*first));
  auto factory = [waiting, make = std::move(make)]() -> Result<std::unique_ptr<Backend>> {
    return *waiting ? std::exchange(*waiting, nullptr) : make();
  };
  return Device{std::move(factory), std::move(description)};
}

Result<Device> make_device(const AssemblyOptions& options,
                           std::shared_ptr<const Model> model,
                           std::int32_t max_model_len) {
  const Plan plan{options, std::move(model), max_model_len};
  if (options.device == "sim") {
    return make_sim_device(plan);
  }
  if (options.device == "reference") {
    return make_reference_device(plan);
  }
  if (options.device == "cuda" || (options.device == "auto" && num_gpus() > 0)) {
    return make_cuda_device(options, plan.model, max_model_len);
  }
  if (options.device == "cpu" || options.device == "auto") {
    return make_cpu_device(plan);
  }
  return fail(
      ErrorCode::invalid_value,
      "there is no device '" + options.device + "'; auto, cuda, cpu, reference, sim are known",
      "--device");
}

}  // namespace troupe::cli
