#include "cli/cuda_device.h"

#include "cli/free_memory.h"
#include "cli/human_number.h"
#include "cli/kv_budget.h"
#include "kernels/cuda/cuda_backend.h"

#include <utility>

namespace troupe::cli {
namespace {

constexpr std::int64_t kBytesPerNumber = 2;  // the cache holds bfloat16

}  // namespace

std::int32_t num_gpus() {
  return num_cuda_devices();
}

Result<Device> make_cuda_device(const AssemblyOptions& options,
                                const std::shared_ptr<const Model>& model,
                                std::int32_t max_model_len) {
  CudaOptions cuda;
  cuda.block_size = options.block_size;
  cuda.max_num_seqs = options.max_num_seqs;
  cuda.max_num_batched_tokens = options.max_num_batched_tokens;
  cuda.max_model_len = max_model_len;
  cuda.num_blocks = options.num_blocks;
  if (!cuda.num_blocks && options.kv_cache_memory_bytes) {
    auto num_blocks = num_kv_blocks(
        {.bytes_per_block = plain_bytes_per_block(model->spec, options.block_size, kBytesPerNumber),
         .block_size = options.block_size,
         .asked_bytes = options.kv_cache_memory_bytes});
    if (!num_blocks) {
      return pass(std::move(num_blocks));
    }
    cuda.num_blocks = *num_blocks;
  }
  auto weights = make_cuda_model(model, cuda);
  if (!weights) {
    return pass(std::move(weights));
  }
  return begin_with([weights = *weights, cuda] { return make_cuda_backend(weights, cuda); });
}

}  // namespace troupe::cli
