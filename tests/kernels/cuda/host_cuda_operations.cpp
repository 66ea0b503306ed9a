#include "tests/kernels/cuda/host_cuda_operations.h"

#include "kernels/cuda/attention.h"
#include "kernels/cuda/backend_plan.h"
#include "kernels/cuda/cuda_operations.h"
#include "kernels/cuda/seat_update.h"
#include "kernels/cuda/stream.h"

#include "tests/kernels/cuda/device_array.h"

#include <utility>

namespace troupe::cuda {
namespace {

// The n-th sequence of a step sits in seat n, and its table is uploaded whole each time.
class HostCudaOperations final : public HostOperations {
 public:
  HostCudaOperations(const Model& model, const HostCudaRoom& room)
      : model_(require(upload_model(model, 0))),
        stream_(require(make_stream())),
        plan_(require(plan_backend(model.spec,
                                   {.num_blocks = room.num_blocks,
                                    .max_num_seqs = room.max_num_seqs,
                                    .max_num_batched_tokens = room.max_num_batched_tokens,
                                    .max_model_len = room.max_model_len}))),
        activations_(require(make_activations(model.spec, plan_.activations))),
        matmul_(require(Matmul::make())),
        input_(require(StepInput::make(plan_.step))),
        cache_(static_cast<std::size_t>(room.num_blocks * bytes_per_block(model.spec))),
        operations_(model_,
                    activations_,
                    matmul_,
                    {.data = reinterpret_cast<Bf16*>(cache_.data()),
                     .num_blocks = room.num_blocks,
                     .table_width = plan_.activations.table_width,
                     .decode_blocks = require(decode_attention_blocks(model.spec.head_size)),
                     .max_decode_items = plan_.activations.num_decode_items},
                    stream_.get()) {}

  [[nodiscard]] Result<void> move_blocks(const BlockMoves& /*moves*/) override {
    return fail(ErrorCode::unsupported, "a backend moves blocks, not its operations");
  }

  [[nodiscard]] Result<void> begin(const PackedBatch& batch) override {
    PackedStep step;
    step.batch = batch;
    for (std::int32_t index = 0; index < batch.num_sequences(); ++index) {
      const auto first = batch.table_starts[static_cast<std::size_t>(index)];
      const auto end = batch.table_starts[static_cast<std::size_t>(index) + 1];
      step.seats.push_back(index);
      step.growth.push_back({index, 0, first, end - first});
    }
    step.blocks = batch.blocks;
    step.sample_positions.assign(batch.sampling_rows.size(), 0);
    step.masks_ends.assign(batch.sampling_rows.size(), 0);
    const auto& spec = model_->spec;
    plan_attention(work_, batch,
                   {.num_kv_heads = spec.num_kv_heads,
                    .group = spec.num_heads / spec.num_kv_heads,
                    .max_decode_splits = plan_.step.num_decode_items,
                    .decode_blocks = 4});
    const auto uploaded = require(input_.upload(step, work_, 0, stream_.get()));
    require(update_seats({.arrivals = nullptr,
                          .biases = nullptr,
                          .end_tokens = nullptr,
                          .growth = uploaded.growth,
                          .blocks = uploaded.blocks,
                          .state = activations_.seats,
                          .tables = activations_.tables,
                          .table_width = plan_.activations.table_width,
                          .num_arrivals = 0,
                          .num_growth = uploaded.num_growth},
                         stream_.get()));
    num_samples_ = batch.num_samples();
    operations_.set_step(uploaded);
    return operations_.begin(batch);
  }

  [[nodiscard]] Result<void> embed() override { return operations_.embed(); }

  [[nodiscard]] Result<void> add_attention_norm(std::int32_t layer) override {
    return operations_.add_attention_norm(layer);
  }

  [[nodiscard]] Result<void> qkv_rope_store(std::int32_t layer) override {
    return operations_.qkv_rope_store(layer);
  }

  [[nodiscard]] Result<void> attention(std::int32_t layer) override {
    return operations_.attention(layer);
  }

  [[nodiscard]] Result<void> attention_output(std::int32_t layer) override {
    return operations_.attention_output(layer);
  }

  [[nodiscard]] Result<void> add_mlp_norm(std::int32_t layer) override {
    return operations_.add_mlp_norm(layer);
  }

  [[nodiscard]] Result<void> gate_up(std::int32_t layer) override {
    return operations_.gate_up(layer);
  }

  [[nodiscard]] Result<void> down(std::int32_t layer) override { return operations_.down(layer); }

  [[nodiscard]] Result<void> logits() override {
    if (auto computed = operations_.logits(); !computed) {
      return computed;
    }
    const auto vocab = static_cast<std::size_t>(model_->spec.vocab_size);
    logits_.resize(static_cast<std::size_t>(num_samples_) * vocab);
    REQUIRE(cudaStreamSynchronize(stream_.get()) == cudaSuccess);
    REQUIRE(cudaMemcpy(logits_.data(), activations_.logits, logits_.size() * sizeof(float),
                       cudaMemcpyDeviceToHost) == cudaSuccess);
    return {};
  }

  [[nodiscard]] std::span<float> logits_row(std::int32_t row) override {
    const auto vocab = static_cast<std::size_t>(model_->spec.vocab_size);
    return std::span(logits_).subspan(static_cast<std::size_t>(row) * vocab, vocab);
  }

 private:
  std::shared_ptr<const CudaModel> model_;
  Stream stream_;
  BackendPlan plan_;
  Activations activations_;
  Matmul matmul_;
  StepInput input_;
  DeviceArray<std::byte> cache_;  // poisoned
  CudaOperations operations_;
  AttentionWork work_;
  std::int32_t num_samples_ = 0;
  std::vector<float> logits_;
};

}  // namespace

std::unique_ptr<HostOperations> make_host_cuda_operations(const Model& model,
                                                          const HostCudaRoom& room) {
  return std::make_unique<HostCudaOperations>(model, room);
}

}  // namespace troupe::cuda
