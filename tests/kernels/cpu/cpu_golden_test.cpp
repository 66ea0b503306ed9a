// The CPU against transformers' recordings, on every path that this machine can run.
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/cpu_operations.h"

#include "tests/support/golden.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

namespace troupe {
namespace {

CpuOptions options_for(CpuPath path) {
  return {.threads = 2,
          .num_blocks = golden::kNumBlocks,
          .block_size = golden::kBlockSize,
          .max_num_seqs = golden::kMaxNumSeqs,
          .max_num_batched_tokens = golden::kMaxNumTokens,
          .path = path};
}

golden::Device device_on(CpuPath path) {
  return {.make_operations =
              [path](const std::shared_ptr<const Model>& model) -> std::unique_ptr<HostOperations> {
            return cpu::CpuOperations::make(cpu::pack_model(model, 2).value(),
                                            {.num_threads = 2,
                                             .path = path,
                                             .block_size = golden::kBlockSize,
                                             .num_blocks = golden::kNumBlocks,
                                             .max_num_seqs = golden::kMaxNumSeqs,
                                             .max_num_batched_tokens = golden::kMaxNumTokens})
                .value();
          },
          .make_backend =
              [path](const std::shared_ptr<const Model>& model) {
                const auto options = options_for(path);
                return make_cpu_backend(make_cpu_model(model, options).value(), options).value();
              },
          .residual_row =
              [](const HostOperations& operations, std::int32_t token) {
                const auto row =
                    dynamic_cast<const cpu::CpuOperations&>(operations).residual_row(token);
                return std::vector<float>(row.begin(), row.end());
              }};
}

TEST_CASE("the CPU is as near to transformers' float32 logits as transformers' own bfloat16") {
  for (const auto path : available_cpu_paths()) {
    for (const auto& checkpoint : golden::checkpoints()) {
      CAPTURE(std::string(to_string(path)));
      golden::check_recordings(checkpoint, device_on(path), golden::Arithmetic::bfloat16);
    }
  }
}

TEST_CASE("the CPU gives a prompt the same bits however it is cut and whoever is beside it") {
  for (const auto path : available_cpu_paths()) {
    for (const auto* checkpoint : {"llama", "qwen2", "qwen3", "mistral"}) {
      CAPTURE(std::string(to_string(path)));
      golden::check_batch_invariance(checkpoint, device_on(path));
    }
  }
}

}  // namespace
}  // namespace troupe
