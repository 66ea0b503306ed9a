#include "cli/cuda_device.h"

#include "kernels/cuda/cuda_backend.h"

#include <utility>

namespace troupe::cli {

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
    // Keys and values of one block in all layers, in bfloat16.
    const auto& spec = model->spec;
    const auto bytes_per_block = std::int64_t{2} * spec.num_layers * spec.num_kv_heads *
                                 spec.head_size * options.block_size * 2;
    cuda.num_blocks = static_cast<std::int32_t>(*options.kv_cache_memory_bytes / bytes_per_block);
  }
  auto weights = make_cuda_model(model, cuda);
  if (!weights) {
    return pass(std::move(weights));
  }
  return begin_with([weights = *weights, cuda] { return make_cuda_backend(weights, cuda); });
}

}  // namespace troupe::cli
