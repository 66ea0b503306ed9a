// A checkpoint on the device: bfloat16, one allocation, matrices that read the same rows joined.
// Made once, shared by every backend of the device.
#pragma once

#include "engine/base/result.h"
#include "engine/model/weights.h"
#include "kernels/cuda/bfloat16.h"
#include "kernels/cuda/device_memory.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace troupe {

namespace cuda {

/// H hidden size, D head size, I intermediate size. Null: the model has none.
struct CudaLayer {
  const Bf16* attention_norm = nullptr;  // [H]
  const Bf16* qkv = nullptr;             // [(heads + 2 kv_heads) D, H]
  const Bf16* qkv_bias = nullptr;        // [(heads + 2 kv_heads) D]
  const Bf16* q_norm = nullptr;          // [D]
  const Bf16* k_norm = nullptr;          // [D]
  const Bf16* o = nullptr;               // [H, heads * D]
  const Bf16* o_bias = nullptr;          // [H]
  const Bf16* mlp_norm = nullptr;        // [H]
  const Bf16* gate_up = nullptr;         // [2 I, H]
  const Bf16* gate_up_bias = nullptr;    // [2 I]
  const Bf16* down = nullptr;            // [H, I]
  const Bf16* down_bias = nullptr;       // [H]
};

}  // namespace cuda

/// Immutable.
struct CudaModel {
  ModelSpec spec;
  std::int32_t device_index = 0;
  cuda::DeviceBuffer memory;               // what the pointers point into
  const cuda::Bf16* embedding = nullptr;   // [V, H]
  const cuda::Bf16* final_norm = nullptr;  // [H]
  const cuda::Bf16* lm_head = nullptr;     // [V, H]
  std::vector<cuda::CudaLayer> layers;

  [[nodiscard]] std::int32_t qkv_size() const {
    return (spec.num_heads + 2 * spec.num_kv_heads) * spec.head_size;
  }
};

namespace cuda {

/// Whether the kernels compute a model of this shape. Error `unsupported` says what does not fit.
[[nodiscard]] Result<void> check_supported(const ModelSpec& spec);

/// Uploads the checkpoint; the files are not needed afterwards. Errors: `unsupported`,
/// `resource_exhausted`, `device`.
[[nodiscard]] Result<std::shared_ptr<const CudaModel>> upload_model(const Model& model,
                                                                    std::int32_t device_index);

/// A model of random weights, for measurements: no biases, and what the shape says. Errors as
/// above.
[[nodiscard]] Result<std::shared_ptr<const CudaModel>> make_random_model(const ModelSpec& spec,
                                                                         std::int32_t device_index,
                                                                         std::uint64_t seed);

}  // namespace cuda
}  // namespace troupe
