// CUDA against transformers' recordings, and against itself.
#include "kernels/cuda/cuda_backend.h"

#include "tests/kernels/cuda/device_array.h"
#include "tests/kernels/cuda/host_cuda_operations.h"
#include "tests/support/golden.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

golden::Device cuda_device() {
  return {.make_operations =
              [](const std::shared_ptr<const Model>& model) {
                return cuda::make_host_cuda_operations(
                    *model, {.num_blocks = golden::kNumBlocks,
                             .max_num_seqs = golden::kMaxNumSeqs,
                             .max_num_batched_tokens = golden::kMaxNumTokens,
                             .max_model_len = golden::kNumBlocks * golden::kBlockSize});
              },
          .make_backend =
              [](const std::shared_ptr<const Model>& model) {
                const CudaOptions options{.num_blocks = golden::kNumBlocks,
                                          .block_size = golden::kBlockSize,
                                          .max_num_seqs = golden::kMaxNumSeqs,
                                          .max_num_batched_tokens = golden::kMaxNumTokens,
                                          .max_model_len = golden::kNumBlocks * golden::kBlockSize};
                auto uploaded = cuda::require(make_cuda_model(model, options));
                return cuda::require(make_cuda_backend(uploaded, options));
              },
          .residual_row = nullptr};
}

}  // namespace

TEST_CASE("CUDA is as near to transformers' float32 logits as transformers' own bfloat16") {
  for (const auto& checkpoint : golden::checkpoints()) {
    CAPTURE(checkpoint);
    golden::check_recordings(checkpoint, cuda_device(), golden::Arithmetic::bfloat16);
  }
}

TEST_CASE("CUDA gives a prompt the same bits however it is cut and whoever is beside it") {
  for (const auto* checkpoint : {"llama", "qwen2", "qwen3", "mistral"}) {
    CAPTURE(std::string(checkpoint));
    golden::check_batch_invariance(checkpoint, cuda_device());
  }
}

}  // namespace troupe
