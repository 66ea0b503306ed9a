// Operations that compute nothing: they note which were called and give logits by a rule.
#pragma once

#include "kernels/decoder/operations.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

class ScriptedOperations final : public HostOperations {
 public:
  /// Fills the logits of one sampling row, given the token at its end.
  using Rule = std::function<void(TokenId last, std::span<float> logits)>;

  ScriptedOperations(std::int32_t vocab_size, Rule rule);

  std::vector<std::string> calls;  // e.g. "attention 1"
  /// The call that fails with `device`; none when empty.
  std::string failing;

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

 private:
  Result<void> note(const std::string& call);

  std::size_t vocab_size_;
  Rule rule_;
  const PackedBatch* batch_ = nullptr;
  std::vector<float> logits_;
};

}  // namespace troupe
