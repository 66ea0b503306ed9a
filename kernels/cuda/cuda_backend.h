// An NVIDIA GPU as a device: weights that outlive a worker, and the backend that computes with
// them. No CUDA header is needed to include this one.
#pragma once

#include "engine/base/result.h"
#include "engine/model/weights.h"
#include "engine/step/backend.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace troupe {

struct CudaModel;

struct CudaOptions {
  std::int32_t device_index = 0;
  /// The share of the device's memory that weights, activations and KV cache may take together.
  float gpu_memory_utilization = 0.9F;
  std::optional<std::int32_t> num_blocks;  // none: as many as the memory holds
  std::int32_t num_host_blocks = 0;        // KV blocks in pinned memory of the host
  std::int32_t block_size = 16;            // tokens; no other size exists
  std::int32_t max_num_seqs = 128;
  std::int32_t max_num_batched_tokens = 2048;
  std::int32_t max_model_len = 0;  // tokens of a sequence; 0: the model's own
};

/// How many devices the driver offers; 0 where there is no driver.
[[nodiscard]] std::int32_t num_cuda_devices();

/// Uploads the weights in bfloat16, twice the parameters in bytes. The checkpoint's files are not
/// needed afterwards. Errors: `invalid_value` for an option outside its range, `unsupported` for a
/// model that the kernels do not compute, `resource_exhausted`, `device`.
[[nodiscard]] Result<std::shared_ptr<const CudaModel>> make_cuda_model(
    const std::shared_ptr<const Model>& model, const CudaOptions& options);

/// A backend with a KV cache of its own; takes a second or two to time its matrix products. Plans
/// run ahead of the host: two may be pending, and a plan may follow one whose tokens nobody has
/// seen. Errors as above.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_cuda_backend(
    std::shared_ptr<const CudaModel> model, const CudaOptions& options);

}  // namespace troupe
