// What a device must be able to do for the decoder: fused operations over activations that the
// device itself owns. T tokens in the step, R rows that sample, H hidden size, D head size,
// I intermediate size, V vocabulary.
//
// Activations: residual [T, H], delta [T, H] (what is to be added to the residual), normed [T, H],
// query [T, heads * D], attended [T, heads * D], activated [T, I], logits [R, V] in float32.
#pragma once

#include "engine/base/result.h"
#include "kernels/decoder/block_moves.h"
#include "kernels/decoder/packed_batch.h"

#include <cstdint>
#include <span>

namespace troupe {

/// Calls come in the order in which `forward` makes them. Not thread-safe.
class Operations {
 public:
  Operations() = default;
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;
  virtual ~Operations() = default;

  /// Takes the step's batch, which outlives it. Checked: T within the declared maximum.
  [[nodiscard]] virtual Result<void> begin(const PackedBatch& batch) = 0;
  /// residual = embedding[token]; no delta is pending.
  [[nodiscard]] virtual Result<void> embed() = 0;
  /// residual += delta (unless the layer is the first); normed = rms_norm(residual) * weight.
  [[nodiscard]] virtual Result<void> add_attention_norm(std::int32_t layer) = 0;
  /// query, key, value = normed * Wqkv (+ bias) (q/k norm), rotated; key and value go into the
  /// cache.
  [[nodiscard]] virtual Result<void> qkv_rope_store(std::int32_t layer) = 0;
  /// attended = softmax(query * keys^T * scale, causal) * values, over the paged cache.
  [[nodiscard]] virtual Result<void> attention(std::int32_t layer) = 0;
  /// delta = attended * Wo (+ bias).
  [[nodiscard]] virtual Result<void> attention_output(std::int32_t layer) = 0;
  /// residual += delta; normed = rms_norm(residual) * weight.
  [[nodiscard]] virtual Result<void> add_mlp_norm(std::int32_t layer) = 0;
  /// activated = silu(normed * Wgate) * (normed * Wup).
  [[nodiscard]] virtual Result<void> gate_up(std::int32_t layer) = 0;
  /// delta = activated * Wdown (+ bias).
  [[nodiscard]] virtual Result<void> down(std::int32_t layer) = 0;
  /// Of the R sampling rows alone: logits = rms_norm(residual + delta) * weight * Wlm_head.
  [[nodiscard]] virtual Result<void> logits() = 0;
};

/// Operations of a device that is the host: each has happened when it returns.
class HostOperations : public Operations {
 public:
  /// Moves whole blocks of keys and values, all layers, in the order of `BlockMoves`. Before
  /// `begin`, in a step that moves anything; its host slots are as many as were declared.
  [[nodiscard]] virtual Result<void> move_blocks(const BlockMoves& moves) = 0;

  /// [V] float32, of sampling row `row` in [0, R). Valid until the next step; the sampler may
  /// write.
  [[nodiscard]] virtual std::span<float> logits_row(std::int32_t row) = 0;
};

/// The forward pass of one step, the same for every device.
[[nodiscard]] Result<void> forward(Operations& operations,
                                   const PackedBatch& batch,
                                   std::int32_t num_layers);

}  // namespace troupe
