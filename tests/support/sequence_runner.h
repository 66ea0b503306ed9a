// Runs sequences on host operations step by step, as a worker would, so that a test can look at the
// logits.
#pragma once

#include "engine/model/weights.h"
#include "kernels/decoder/operations.h"
#include "kernels/decoder/seat_table.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace troupe {

class SequenceRunner {
 public:
  /// Borrows `operations`, which must have the room that `limits` declare.
  SequenceRunner(HostOperations& operations, const Model& model, const BackendDescription& limits);

  /// Seats a sequence and gives it blocks for `num_tokens`, in an order that no device expects.
  void start(std::int32_t seat, const std::vector<TokenId>& tokens, std::int32_t num_tokens);

  /// Adds the next `num_tokens` tokens of a seat to the step to come.
  void add(std::int32_t seat, std::int32_t num_tokens);

  /// Runs the step. `logits` then has one row for each seat that reached the end of its tokens.
  void step();

  [[nodiscard]] std::vector<float> logits(std::int32_t sample) const;

  /// The token that a seat continues with.
  void append(std::int32_t seat, TokenId token);

  [[nodiscard]] const PackedBatch& batch() const { return *batch_; }

 private:
  HostOperations& operations_;
  std::int32_t num_layers_;
  std::int32_t block_size_;
  std::int32_t next_block_;
  SeatTable seats_;
  std::vector<std::int32_t> computed_;  // positions done, of each seat
  StepPlan plan_;
  const PackedBatch* batch_ = nullptr;
};

}  // namespace troupe
