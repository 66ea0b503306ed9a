// The decoder's operations on the cores of the host. A row's bits depend on its sequence alone:
// not on the rows beside it, nor on the number of threads, nor on how its prompt was cut.
#pragma once

#include "kernels/cpu/attention.h"
#include "kernels/cpu/cpu_model.h"
#include "kernels/cpu/host_memory.h"
#include "kernels/cpu/kv_cache.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/rope_table.h"
#include "kernels/cpu/thread_team.h"
#include "kernels/decoder/operations.h"

#include <cstdint>
#include <memory>
#include <span>

namespace troupe::cpu {

/// What is fixed when a device is made.
struct OperationsShape {
  std::int32_t num_threads = 1;
  CpuPath path = CpuPath::scalar;  // available, not `detect`
  std::int32_t block_size = 16;    // a multiple of 16
  std::int32_t num_blocks = 0;
  std::int32_t num_host_blocks = 0;
  std::int32_t max_num_seqs = 0;
  std::int32_t max_num_batched_tokens = 0;
};

/// Every projection that leads back to the residual stream adds its sums to it at once, so no delta
/// is ever pending, and the two "add" operations only normalise.
class CpuOperations final : public HostOperations {
 public:
  /// Error `resource_exhausted` when memory does not suffice.
  [[nodiscard]] static Result<std::unique_ptr<CpuOperations>> make(
      std::shared_ptr<const CpuModel> model, const OperationsShape& shape);

  [[nodiscard]] Result<void> move_blocks(const BlockMoves& moves) override;
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
  [[nodiscard]] std::span<float> logits_row(std::int32_t row) override;

  /// [H], the residual stream of token `token` of the step: for finding the layer that went astray.
  [[nodiscard]] std::span<const float> residual_row(std::int32_t token) const;

  /// For tests of what must never be read.
  [[nodiscard]] KvCache& cache() { return cache_; }

 private:
  /// Activations of a step. Strides are in elements.
  struct Activations {
    Arena arena;
    float* residual = nullptr;   // [T, H]
    float* projected = nullptr;  // [T, (heads + 2 * KV heads) * D]
    float* logits = nullptr;     // [R, V]
    Bf16* normed = nullptr;      // [T, H], at `hidden_stride`
    Bf16* query = nullptr;       // [KV heads][T][G][D]
    Bf16* attended = nullptr;    // [T, heads * D], at `query_stride`
    Bf16* activated = nullptr;   // [T, I], at `intermediate_stride`
    Bf16* sampled = nullptr;     // [R, H], at `hidden_stride`
    std::int64_t hidden_stride = 0;
    std::int64_t query_stride = 0;
    std::int64_t intermediate_stride = 0;
  };

  CpuOperations(std::shared_ptr<const CpuModel> model, const OperationsShape& shape, KvCache cache);

  [[nodiscard]] Result<void> reserve_host_tier();

  [[nodiscard]] static Result<Activations> make_activations(const ModelSpec& spec,
                                                            const OperationsShape& shape);
  void norm_rows(const std::vector<float>& weight);
  void rotate_and_store(std::int32_t layer, std::int32_t token);
  void store_key_value(std::int32_t layer, std::int32_t token, float* projected);
  void clear_partners(std::int32_t layer);

  /// Work on the tokens one by one, shared out where there is enough of it.
  template <class Work>
  void for_each_token(std::int64_t elements_per_token, const Work& work);

  [[nodiscard]] const ModelSpec& spec() const { return model_->source->spec; }

  std::shared_ptr<const CpuModel> model_;
  OperationsShape shape_;
  ThreadTeam team_;
  const PathKernels& kernels_;
  Machine machine_;
  KvCache cache_;
  KvCache host_tier_;  // empty unless blocks were declared for it
  RopeTable rope_;
  Attention attention_;
  Activations activations_;
  const PackedBatch* batch_ = nullptr;
};

}  // namespace troupe::cpu
