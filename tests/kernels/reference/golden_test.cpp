#include "tests/support/golden.h"

#include "kernels/reference/reference_backend.h"

#include <doctest/doctest.h>

#include <filesystem>

namespace troupe {
namespace {

constexpr ReferenceSizes kSizes{.num_blocks = golden::kNumBlocks,
                                .block_size = golden::kBlockSize,
                                .max_num_seqs = golden::kMaxNumSeqs,
                                .max_num_batched_tokens = golden::kMaxNumTokens};

golden::Device reference() {
  return {.make_operations =
              [](const std::shared_ptr<const Model>& model) {
                return std::make_unique<ReferenceOperations>(model, kSizes);
              },
          .make_backend =
              [](const std::shared_ptr<const Model>& model) {
                return std::move(make_reference_backend(model, kSizes)).value();
              },
          .residual_row =
              [](const HostOperations& operations, std::int32_t token) {
                const auto row =
                    dynamic_cast<const ReferenceOperations&>(operations).residual_row(token);
                return std::vector<float>(row.begin(), row.end());
              }};
}

TEST_CASE("the reference gives transformers' float32 logits and greedy tokens") {
  for (const auto& checkpoint : golden::checkpoints()) {
    golden::check_recordings(checkpoint, reference(), golden::Arithmetic::float32);
  }
}

TEST_CASE("the reference answers for the demo model as transformers does") {
  golden::check_demo(reference(), golden::Arithmetic::float32, 6);
}

TEST_CASE("the reference gives a prompt the same bits however it is cut and whoever is beside it") {
  for (const auto& checkpoint : {"llama", "qwen2", "qwen3", "mistral"}) {
    golden::check_batch_invariance(checkpoint, reference());
  }
}

}  // namespace
}  // namespace troupe
