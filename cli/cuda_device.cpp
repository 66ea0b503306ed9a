#include "cli/cuda_device.h"

#include "cli/free_memory.h"
#include "cli/human_number.h"
#include "cli/kv_budget.h"
#include "kernels/cuda/cuda_backend.h"

#include <algorithm>
#include <utility>

namespace troupe::cli {
namespace {

constexpr std::int64_t kBytesPerNumber = 2;  // the cache holds bfloat16

// Pinned memory is lost to everybody else, so without a wish the host tier stays small.
constexpr std::int64_t kStandardSwapBytes = std::int64_t{4} << 30;
constexpr std::int64_t kFreeHostDivisor = 4;

Result<std::int64_t> swap_bytes(const AssemblyOptions& options) {
  const auto free = free_memory_bytes();
  const auto bytes =
      options.swap_space_bytes.value_or(std::min(kStandardSwapBytes, free / kFreeHostDivisor));
  if (bytes > free) {
    return fail(ErrorCode::invalid_value,
                "--swap-space is " + human_bytes(bytes) + ", " + human_bytes(free) +
                    " of the machine's memory are free",
                "--swap-space");
  }
  return bytes;
}

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
  const auto bytes_per_block =
      plain_bytes_per_block(model->spec, options.block_size, kBytesPerNumber);
  const auto swap = swap_bytes(options);
  if (!swap) {
    return tl::unexpected(swap.error());
  }
  cuda.num_host_blocks = num_host_blocks(*swap, bytes_per_block);
  if (!cuda.num_blocks && options.kv_cache_memory_bytes) {
    auto num_blocks = num_kv_blocks({.bytes_per_block = bytes_per_block,
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
