// The oracle: every operation as a plain loop in float32. Slow, and the same bits whatever else is
// in the batch and however a prompt was cut, since no row's arithmetic looks at another's.
#pragma once

#include "engine/model/weights.h"
#include "kernels/decoder/operations.h"
#include "kernels/reference/reference_weights.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace troupe {

/// What the KV cache holds, and what one step may bring.
struct ReferenceSizes {
  std::int32_t num_blocks = 64;
  std::int32_t num_host_blocks = 0;  // of the host tier, which here is memory like any other
  std::int32_t block_size = 16;
  std::int32_t max_num_seqs = 16;
  std::int32_t max_num_batched_tokens = 512;
};

class ReferenceOperations final : public HostOperations {
 public:
  ReferenceOperations(std::shared_ptr<const Model> model, const ReferenceSizes& sizes);

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

  /// [H], the residual stream of token `token` of the step. Between layers it lacks the pending
  /// delta; after `logits` it lacks nothing in the rows that sample.
  [[nodiscard]] std::span<const float> residual_row(std::int32_t token) const;

 private:
  using Row = std::span<float>;
  using ConstRow = std::span<const float>;

  [[nodiscard]] std::size_t num_tokens() const;
  [[nodiscard]] std::size_t query_width() const;
  [[nodiscard]] std::size_t kv_width() const;
  /// The cached row of one layer that holds the key (or value) of `slot`.
  [[nodiscard]] Row cached(std::vector<float>& cache, std::int32_t layer, std::int64_t slot) const;
  void rotate(Row heads, std::int32_t position) const;
  void norm_heads(Row heads, const std::vector<float>& weight) const;
  void add_and_norm(const std::vector<float>& weight);
  void attend(std::int32_t layer, std::size_t sequence, std::int32_t token);
  void attend_head(std::int32_t layer,
                   std::span<const std::int64_t> slots,
                   ConstRow query,
                   Row out,
                   std::size_t kv_head);

  std::shared_ptr<const Model> model_;
  const ModelSpec& spec_;
  ReferenceWeights weights_;
  ReferenceSizes sizes_;
  const PackedBatch* batch_ = nullptr;
  std::vector<float> residual_, delta_, normed_;  // [T, H]
  std::vector<float> query_, attended_;           // [T, heads * D]
  std::vector<float> activated_;                  // [T, I]
  std::vector<float> logits_;                     // [R, V]
  std::vector<float> keys_, values_;              // [layers, slots, kv_heads * D]
  std::vector<float> host_keys_, host_values_;    // the same, of the host tier
  std::vector<std::int64_t> slots_;               // of one token's context
  std::vector<float> scores_;                     // of one token and head
};

}  // namespace troupe
