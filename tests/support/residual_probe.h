// Operations that look over the shoulder of others and note the residual stream after each layer.
#pragma once

#include "kernels/decoder/operations.h"

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace troupe {

/// Borrows `inner`, and passes every call on to it.
class ResidualProbe final : public HostOperations {
 public:
  using Reader = std::function<std::vector<float>(const HostOperations&, std::int32_t token)>;

  ResidualProbe(HostOperations& inner, Reader reader, std::int32_t token)
      : inner_(inner), reader_(std::move(reader)), token_(token) {}

  /// Row 0 is the embedding, row k follows layer k.
  [[nodiscard]] const std::vector<std::vector<float>>& rows() const { return rows_; }

  [[nodiscard]] Result<void> move_blocks(const BlockMoves& moves) override {
    return inner_.move_blocks(moves);
  }

  [[nodiscard]] Result<void> begin(const PackedBatch& batch) override {
    return inner_.begin(batch);
  }

  [[nodiscard]] Result<void> embed() override { return inner_.embed(); }

  [[nodiscard]] Result<void> add_attention_norm(std::int32_t layer) override {
    return noted(inner_.add_attention_norm(layer));
  }

  [[nodiscard]] Result<void> qkv_rope_store(std::int32_t layer) override {
    return inner_.qkv_rope_store(layer);
  }

  [[nodiscard]] Result<void> attention(std::int32_t layer) override {
    return inner_.attention(layer);
  }

  [[nodiscard]] Result<void> attention_output(std::int32_t layer) override {
    return inner_.attention_output(layer);
  }

  [[nodiscard]] Result<void> add_mlp_norm(std::int32_t layer) override {
    return inner_.add_mlp_norm(layer);
  }

  [[nodiscard]] Result<void> gate_up(std::int32_t layer) override { return inner_.gate_up(layer); }

  [[nodiscard]] Result<void> down(std::int32_t layer) override { return inner_.down(layer); }

  [[nodiscard]] Result<void> logits() override { return noted(inner_.logits()); }

  [[nodiscard]] std::span<float> logits_row(std::int32_t row) override {
    return inner_.logits_row(row);
  }

 private:
  Result<void> noted(Result<void> done) {
    rows_.push_back(reader_(inner_, token_));
    return done;
  }

  HostOperations& inner_;
  Reader reader_;
  std::int32_t token_;
  std::vector<std::vector<float>> rows_;
};

}  // namespace troupe
