// The decoder's operations as launches on one stream: nothing here waits for the device.
#pragma once

#include "kernels/cuda/activations.h"
#include "kernels/cuda/cuda_model.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/step_input.h"
#include "kernels/decoder/operations.h"

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>

namespace troupe::cuda {

/// The paged cache and how it is walked.
struct CacheShape {
  Bf16* data = nullptr;               // [layers][num_blocks] blocks
  std::int32_t num_blocks = 0;        // of each layer
  std::int32_t table_width = 0;       // blocks of a sequence, a multiple of 4
  std::int32_t decode_blocks = 0;     // what decode attention is launched with
  std::int32_t max_decode_items = 0;  // what its scratch memory holds
};

/// Owned by one backend. `set_step` comes before each forward pass.
class CudaOperations final : public Operations {
 public:
  /// `activations` and `matmul` outlive this object.
  CudaOperations(std::shared_ptr<const CudaModel> model,
                 const Activations& activations,
                 Matmul& matmul,
                 const CacheShape& cache,
                 cudaStream_t stream);

  /// What the next forward pass computes; the arrays lie on the device.
  void set_step(const DeviceStep& step) { step_ = step; }

  [[nodiscard]] Result<void> begin(const PackedBatch& batch) override;
  [[nodiscard]] Result<void> embed() override;
  [[nodiscard]] Result<void> add_attention_norm(std::int32_t layer) override;
  [[nodiscard]] Result<void> qkv_rope_store(std::int32_t layer) override;
  [[nodiscard]] Result<void> attention(std::int32_t layer) override;
  [[nodiscard]] Result<void> attention_output(std::int32_t layer) override;
  [[nodiscard]] Result<void> add_mlp_norm(std::int32_t layer) override;
  [[nodiscard]] Result<void> gate_up(std::int32_t layer) override;
  [[nodiscard]] Result<void> down(std::int32_t layer) override;
  [[nodiscard]] Result<void> logits() override;

 private:
  [[nodiscard]] const CudaLayer& layer(std::int32_t index) const {
    return model_->layers[static_cast<std::size_t>(index)];
  }

  [[nodiscard]] KvLayer cache_of(std::int32_t layer) const;
  [[nodiscard]] AttentionInput attention_input(std::int32_t layer) const;

  std::shared_ptr<const CudaModel> model_;
  const ModelSpec& spec_;
  const Activations& memory_;
  Matmul& matmul_;
  cudaStream_t stream_;
  CacheShape cache_;
  DeviceStep step_;
  const Bf16* pending_bias_ = nullptr;  // of the delta that is to be added
};

}  // namespace troupe::cuda
