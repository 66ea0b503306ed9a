#include "kernels/cuda/cuda_operations.h"

#include "engine/base/check.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/embed.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/rope_store.h"
#include "kernels/cuda/swiglu.h"

#include <utility>

namespace troupe::cuda {
CudaOperations::CudaOperations(std::shared_ptr<const CudaModel> model,
                               const Activations& activations,
                               Matmul& matmul,
                               const CacheShape& cache,
                               cudaStream_t stream)
    : model_(std::move(model)),
      spec_(model_->spec),
      memory_(activations),
      matmul_(matmul),
      stream_(stream),
      cache_(cache) {}

Result<void> CudaOperations::begin(const PackedBatch& batch) {
  TROUPE_CHECK(batch.num_tokens() == step_.num_tokens, "the step that was uploaded is computed");
  pending_bias_ = nullptr;
  return {};
}

Result<void> CudaOperations::embed() {
  return cuda::embed({.tokens = step_.tokens,
                      .last_token = memory_.seats.last_token,
                      .embedding = model_->embedding,
                      .residual = memory_.residual,
                      .num_tokens = step_.num_tokens,
                      .hidden_size = spec_.hidden_size},
                     stream_);
}

Result<void> CudaOperations::add_attention_norm(std::int32_t index) {
  return add_norm({.residual = memory_.residual,
                   .delta = index == 0 ? nullptr : memory_.delta,
                   .delta_bias = pending_bias_,
                   .weight = layer(index).attention_norm,
                   .rows = nullptr,
                   .normed = memory_.normed,
                   .num_rows = step_.num_tokens,
                   .hidden_size = spec_.hidden_size,
                   .epsilon = spec_.norm_epsilon},
                  stream_);
}

Result<void> CudaOperations::qkv_rope_store(std::int32_t index) {
  const auto& weights = layer(index);
  if (auto multiplied = matmul_.run({.x = memory_.normed,
                                     .weight = weights.qkv,
                                     .y = memory_.qkv,
                                     .num_rows = step_.num_tokens,
                                     .num_outputs = model_->qkv_size(),
                                     .num_inputs = spec_.hidden_size},
                                    stream_);
      !multiplied) {
    return multiplied;
  }
  return rope_store({.qkv = memory_.qkv,
                     .bias = weights.qkv_bias,
                     .query_norm = weights.q_norm,
                     .key_norm = weights.k_norm,
                     .rope = memory_.rope,
                     .positions = step_.positions,
                     .slots = step_.slots,
                     .cache = cache_of(index),
                     .num_tokens = step_.num_tokens,
                     .num_heads = spec_.num_heads,
                     .rotary_dim = spec_.rope.rotary_dim,
                     .norm_epsilon = spec_.norm_epsilon},
                    stream_);
}

KvLayer CudaOperations::cache_of(std::int32_t index) const {
  KvLayer cache{.data = nullptr, .num_kv_heads = spec_.num_kv_heads, .head_size = spec_.head_size};
  cache.data = cache_.data + index * cache_.num_blocks * cache.block_size();
  return cache;
}

AttentionInput CudaOperations::attention_input(std::int32_t index) const {
  return {.query = memory_.qkv,
          .query_stride = model_->qkv_size(),
          .num_heads = spec_.num_heads,
          .cache = cache_of(index),
          .scale = spec_.attention_scale,
          .tables = memory_.tables,
          .table_width = cache_.table_width,
          .seats = step_.seats,
          .query_starts = step_.query_starts,
          .query_lengths = step_.query_lengths,
          .context_lengths = step_.context_lengths};
}

Result<void> CudaOperations::attention(std::int32_t index) {
  const auto input = attention_input(index);
  if (step_.num_prefill_items > 0) {
    if (auto launched = prefill_attention({.input = input,
                                           .items = step_.prefill_items,
                                           .num_items = step_.num_prefill_items,
                                           .attended = memory_.attended},
                                          stream_);
        !launched) {
      return launched;
    }
  }
  if (step_.num_decode_items == 0) {
    return {};
  }
  return decode_attention({.input = input,
                           .items = step_.decode_items,
                           .num_items = step_.num_decode_items_on_device,
                           .max_items = cache_.max_decode_items,
                           .partial_values = memory_.partial_values,
                           .partial_sums = memory_.partial_sums,
                           .arrived = memory_.arrived,
                           .attended = memory_.attended,
                           .num_blocks = cache_.decode_blocks},
                          stream_);
}

Result<void> CudaOperations::attention_output(std::int32_t index) {
  pending_bias_ = layer(index).o_bias;
  return matmul_.run({.x = memory_.attended,
                      .weight = layer(index).o,
                      .y = memory_.delta,
                      .num_rows = step_.num_tokens,
                      .num_outputs = spec_.hidden_size,
                      .num_inputs = spec_.num_heads * spec_.head_size},
                     stream_);
}

Result<void> CudaOperations::add_mlp_norm(std::int32_t index) {
  return add_norm({.residual = memory_.residual,
                   .delta = memory_.delta,
                   .delta_bias = pending_bias_,
                   .weight = layer(index).mlp_norm,
                   .rows = nullptr,
                   .normed = memory_.normed,
                   .num_rows = step_.num_tokens,
                   .hidden_size = spec_.hidden_size,
                   .epsilon = spec_.norm_epsilon},
                  stream_);
}

Result<void> CudaOperations::gate_up(std::int32_t index) {
  if (auto multiplied = matmul_.run({.x = memory_.normed,
                                     .weight = layer(index).gate_up,
                                     .y = memory_.gate_up,
                                     .num_rows = step_.num_tokens,
                                     .num_outputs = 2 * spec_.intermediate_size,
                                     .num_inputs = spec_.hidden_size},
                                    stream_);
      !multiplied) {
    return multiplied;
  }
  return swiglu({.gate_up = memory_.gate_up,
                 .bias = layer(index).gate_up_bias,
                 .activated = memory_.activated,
                 .num_tokens = step_.num_tokens,
                 .intermediate_size = spec_.intermediate_size},
                stream_);
}

Result<void> CudaOperations::down(std::int32_t index) {
  pending_bias_ = layer(index).down_bias;
  return matmul_.run({.x = memory_.activated,
                      .weight = layer(index).down,
                      .y = memory_.delta,
                      .num_rows = step_.num_tokens,
                      .num_outputs = spec_.hidden_size,
                      .num_inputs = spec_.intermediate_size},
                     stream_);
}

Result<void> CudaOperations::logits() {
  if (auto normed = add_norm({.residual = memory_.residual,
                              .delta = memory_.delta,
                              .delta_bias = pending_bias_,
                              .weight = model_->final_norm,
                              .rows = step_.sample_rows,
                              .normed = memory_.sample_normed,
                              .num_rows = step_.num_samples,
                              .hidden_size = spec_.hidden_size,
                              .epsilon = spec_.norm_epsilon},
                             stream_);
      !normed) {
    return normed;
  }
  return matmul_.run({.x = memory_.sample_normed,
                      .weight = model_->lm_head,
                      .y = memory_.logits,
                      .num_rows = step_.num_samples,
                      .num_outputs = spec_.vocab_size,
                      .num_inputs = spec_.hidden_size,
                      .output = MatmulOutput::float32},
                     stream_);
}

}  // namespace troupe::cuda
