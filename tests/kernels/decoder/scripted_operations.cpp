#include "tests/kernels/decoder/scripted_operations.h"

#include <utility>

namespace troupe {

ScriptedOperations::ScriptedOperations(std::int32_t vocab_size, Rule rule)
    : vocab_size_(static_cast<std::size_t>(vocab_size)), rule_(std::move(rule)) {}

Result<void> ScriptedOperations::move_blocks(const BlockMoves& moves) {
  return note("move " + std::to_string(moves.out.size()) + " out, " +
              std::to_string(moves.in.size()) + " in, " + std::to_string(moves.copies.size()) +
              " across");
}

Result<void> ScriptedOperations::begin(const PackedBatch& batch) {
  batch_ = &batch;
  return note("begin");
}

Result<void> ScriptedOperations::embed() {
  return note("embed");
}

Result<void> ScriptedOperations::add_attention_norm(std::int32_t layer) {
  return note("attention norm " + std::to_string(layer));
}

Result<void> ScriptedOperations::qkv_rope_store(std::int32_t layer) {
  return note("qkv " + std::to_string(layer));
}

Result<void> ScriptedOperations::attention(std::int32_t layer) {
  return note("attention " + std::to_string(layer));
}

Result<void> ScriptedOperations::attention_output(std::int32_t layer) {
  return note("output " + std::to_string(layer));
}

Result<void> ScriptedOperations::add_mlp_norm(std::int32_t layer) {
  return note("mlp norm " + std::to_string(layer));
}

Result<void> ScriptedOperations::gate_up(std::int32_t layer) {
  return note("gate up " + std::to_string(layer));
}

Result<void> ScriptedOperations::down(std::int32_t layer) {
  return note("down " + std::to_string(layer));
}

Result<void> ScriptedOperations::logits() {
  logits_.assign(batch_->sampling_rows.size() * vocab_size_, 0.0F);
  for (std::size_t row = 0; row < batch_->sampling_rows.size(); ++row) {
    const auto token = batch_->tokens[static_cast<std::size_t>(batch_->sampling_rows[row])];
    rule_(token, logits_row(static_cast<std::int32_t>(row)));
  }
  return note("logits");
}

std::span<float> ScriptedOperations::logits_row(std::int32_t row) {
  return std::span(logits_).subspan(static_cast<std::size_t>(row) * vocab_size_, vocab_size_);
}

Result<void> ScriptedOperations::note(const std::string& call) {
  calls.push_back(call);
  if (call == failing) {
    return fail(ErrorCode::device, call + " failed");
  }
  return {};
}

}  // namespace troupe
