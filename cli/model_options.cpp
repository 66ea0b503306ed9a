#include "cli/model_options.h"

#include "cli/command_line.h"
#include "cli/model_directory.h"
#include "cli/scheduling_options.h"

#include <cstdint>

namespace troupe::cli {
namespace {

constexpr std::int64_t kMaxSequences = 4096;
constexpr std::int64_t kMaxStepTokens = 131'072;
constexpr std::int64_t kMaxQueuedRequests = 1'000'000;
constexpr std::int64_t kMaxThreads = 1024;

constexpr const char* kBatching = "Batching";
constexpr const char* kMemory = "Memory";

}  // namespace

void add_model_options(CLI::App& flags, ModelOptions& options, ModelArgument argument) {
  auto& assembly = options.assembly;
  options.model = kDemoModel;
  const char* names = argument == ModelArgument::positional ? "model,--model" : "--model";
  flags.add_option(names, options.model, "directory of the model, or the name of a shipped one")
      ->type_name("DIR")
      ->capture_default_str();
  flags
      .add_option(
          "--device", assembly.device,
          "auto (a GPU where there is one), cuda, cpu, reference (slow), sim (no arithmetic)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"auto", "cuda", "cpu", "reference", "sim"}).description(""))
      ->capture_default_str();
  add_number(flags, "--threads", assembly.threads, "of the CPU; 0: all cores", {0, kMaxThreads})
      ->capture_default_str();
  flags.add_option("--seed", assembly.seed, "of requests that bring none")
      ->type_name("N")
      ->capture_default_str();

  add_number(flags, "--max-model-len", assembly.max_model_len,
             "tokens of prompt and answer together; default: the model's own", {1, INT32_MAX})
      ->group(kBatching);
  add_number(flags, "--max-num-seqs", assembly.max_num_seqs, "sequences in one step",
             {1, kMaxSequences})
      ->capture_default_str()
      ->group(kBatching);
  add_number(flags, "--max-num-batched-tokens", assembly.max_num_batched_tokens,
             "tokens in one step; longer prompts go in chunks", {1, kMaxStepTokens})
      ->capture_default_str()
      ->group(kBatching);
  add_number(flags, "--max-num-queued-reqs", assembly.max_num_queued_requests,
             "waiting requests; beyond: 503", {0, kMaxQueuedRequests})
      ->capture_default_str()
      ->group(kBatching);

  add_number(flags, "--block-size", assembly.block_size, "tokens a KV block holds", {1, 1024})
      ->capture_default_str()
      ->group(kMemory);
  add_number(flags, "--kv-cache-memory-bytes", assembly.kv_cache_memory_bytes,
             "of the KV cache; default: what is useful, within a quarter of free memory",
             {1, INT64_MAX})
      ->group(kMemory);
  add_number(flags, "--swap-space", assembly.swap_space_bytes,
             "bytes of host memory for preempted KV blocks; default: 0 on the CPU, 4 GiB on a GPU",
             {0, INT64_MAX})
      ->group(kMemory);
  add_number(flags, "--num-gpu-blocks-override", assembly.num_blocks,
             "number of KV blocks, whatever the device; to test preemption", {1, INT32_MAX})
      ->group(kMemory);
  flags
      .add_flag("--enable-prefix-caching,!--no-enable-prefix-caching",
                assembly.enable_prefix_caching, "share the KV blocks of equal beginnings [on]")
      ->group(kMemory);
  add_scheduling_options(flags, assembly.scheduling);
}

Result<AssemblyOptions> resolve(const ModelOptions& options) {
  auto directory = find_model(options.model);
  if (!directory) {
    return pass(std::move(directory));
  }
  auto assembly = options.assembly;
  assembly.model_directory = *directory;
  return assembly;
}

ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found:
    case ErrorCode::invalid_value:
      return ExitCode::usage_error;
    case ErrorCode::invalid_model:
    case ErrorCode::unsupported:
    case ErrorCode::io:
      return ExitCode::unusable_model;
    default:
      return ExitCode::runtime_error;
  }
}

}  // namespace troupe::cli
