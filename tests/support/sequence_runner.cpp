#include "tests/support/sequence_runner.h"

#include <doctest/doctest.h>

#include <utility>

namespace troupe {

SequenceRunner::SequenceRunner(HostOperations& operations,
                               const Model& model,
                               const BackendDescription& limits)
    : operations_(operations),
      num_layers_(model.spec.num_layers),
      block_size_(limits.block_size),
      next_block_(limits.num_blocks),
      seats_(limits),
      computed_(static_cast<std::size_t>(limits.max_num_seqs), 0) {}

void SequenceRunner::start(std::int32_t seat,
                           const std::vector<TokenId>& tokens,
                           std::int32_t num_tokens) {
  auto start = std::make_shared<SequenceStart>();
  start->tokens = tokens;
  start->num_prompt_tokens = start->num_tokens();
  plan_.seats_taken.push_back({.seat = seat, .start = std::move(start)});
  TableGrowth growth{.seat = seat, .blocks = {}};
  for (std::int32_t begin = 0; begin < num_tokens; begin += block_size_) {
    growth.blocks.push_back(BlockId{--next_block_});
  }
  plan_.table_growth.push_back(std::move(growth));
  seats_.apply(plan_);
  plan_ = {};
  computed_[static_cast<std::size_t>(seat)] = 0;
}

void SequenceRunner::add(std::int32_t seat, std::int32_t num_tokens) {
  auto& computed = computed_[static_cast<std::size_t>(seat)];
  const auto end = computed + num_tokens;
  plan_.rows.push_back({.seat = seat,
                        .begin = computed,
                        .end = end,
                        .samples = end == seats_.seat(seat).num_tokens()});
  computed = end;
}

void SequenceRunner::step() {
  batch_ = &seats_.apply(plan_);
  plan_ = {};
  const auto done = forward(operations_, *batch_, num_layers_);
  REQUIRE_MESSAGE(done.has_value(), done.error().message);
}

std::vector<float> SequenceRunner::logits(std::int32_t sample) const {
  const auto row = operations_.logits_row(sample);
  return {row.begin(), row.end()};
}

void SequenceRunner::append(std::int32_t seat, TokenId token) {
  seats_.append(seat, token);
}

}  // namespace troupe
