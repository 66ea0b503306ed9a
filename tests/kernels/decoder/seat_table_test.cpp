#include "kernels/decoder/seat_table.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <utility>

namespace troupe {
namespace {

BackendDescription limits() {
  return {.device = {},
          .num_blocks = 10,
          .block_size = 4,
          .bytes_per_block = 0,
          .max_num_seqs = 3,
          .max_num_batched_tokens = 12,
          .vocab_size = 100};
}

std::shared_ptr<SequenceStart> sequence(std::vector<TokenId> tokens) {
  auto start = std::make_shared<SequenceStart>();
  start->tokens = std::move(tokens);
  start->num_prompt_tokens = start->num_tokens();
  return start;
}

TableGrowth growth(std::int32_t seat, const std::vector<std::int32_t>& blocks) {
  TableGrowth growth{.seat = seat, .blocks = {}};
  for (const auto block : blocks) {
    growth.blocks.push_back(BlockId{block});
  }
  return growth;
}

// Seat 0: six tokens in blocks 7 and 2; seat 2: three tokens in block 5.
StepPlan arrivals() {
  StepPlan plan;
  plan.seats_taken = {{0, sequence({10, 11, 12, 13, 14, 15})}, {2, sequence({20, 21, 22})}};
  plan.table_growth = {growth(0, {7, 2}), growth(2, {5})};
  return plan;
}

TEST_CASE("a plan's rows are packed end to end, with slots from each seat's own blocks") {
  SeatTable seats(limits());
  auto plan = arrivals();
  plan.rows = {{0, 0, 6, true}, {2, 0, 2, false}};

  const auto& batch = seats.apply(plan);

  CHECK(batch.tokens == std::vector<TokenId>{10, 11, 12, 13, 14, 15, 20, 21});
  CHECK(batch.positions == std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 0, 1});
  CHECK(batch.slot_mapping == std::vector<std::int64_t>{28, 29, 30, 31, 8, 9, 20, 21});
  CHECK(batch.query_starts == std::vector<std::int32_t>{0, 6, 8});
  CHECK(batch.context_lengths == std::vector<std::int32_t>{6, 2});
  CHECK(batch.table_starts == std::vector<std::int32_t>{0, 2, 3});
  CHECK(batch.blocks == std::vector<std::int32_t>{7, 2, 5});
  CHECK(batch.sampling_rows == std::vector<std::int32_t>{5});
  CHECK(batch.sampling_seats == std::vector<std::int32_t>{0});
}

TEST_CASE("a sampled token is the next row's input, without the host saying so") {
  SeatTable seats(limits());
  auto plan = arrivals();
  plan.rows = {{2, 0, 3, true}};
  seats.apply(plan);
  seats.append(2, 77);
  StepPlan decode;
  decode.rows = {{2, 3, 4, true}};

  const auto& batch = seats.apply(decode);

  CHECK(batch.tokens == std::vector<TokenId>{77});
  CHECK(batch.positions == std::vector<std::int32_t>{3});
  CHECK(batch.slot_mapping == std::vector<std::int64_t>{23});
  CHECK(batch.context_lengths == std::vector<std::int32_t>{4});
}

TEST_CASE("a row sees only the blocks that its context fills, however many are reserved") {
  SeatTable seats(limits());
  auto plan = arrivals();
  plan.rows = {{0, 0, 3, false}};

  CHECK(seats.apply(plan).blocks == std::vector<std::int32_t>{7});
}

TEST_CASE("who takes a seat finds nothing of who sat there before") {
  SeatTable seats(limits());
  auto plan = arrivals();
  plan.rows = {{2, 0, 3, true}};
  seats.apply(plan);
  seats.append(2, 77);
  StepPlan next;
  next.seats_taken = {{2, sequence({30})}};
  next.table_growth = {growth(2, {1})};
  next.rows = {{2, 0, 1, true}};

  const auto& batch = seats.apply(next);

  CHECK(batch.tokens == std::vector<TokenId>{30});
  CHECK(batch.blocks == std::vector<std::int32_t>{1});
  CHECK(seats.seat(2).sampled.empty());
}

TEST_CASE("tokens are counted where a penalty needs them: in the output, or seen at all") {
  SeatTable seats(limits());
  auto start = sequence({10, 11, 10, 12});
  start->num_prompt_tokens = 3;  // the last was generated before this start
  start->sampling.presence_penalty = 0.5F;
  StepPlan plan;
  plan.seats_taken = {{0, start}, {1, sequence({10})}};
  seats.apply(plan);

  seats.append(0, 12);
  seats.append(0, 10);
  seats.append(1, 10);

  CHECK(seats.seat(0).counts == TokenCounts{{10, 1}, {11, 0}, {12, 2}});
  CHECK(seats.seat(1).counts.empty());
}

TEST_CASE("a plan that cannot be is a bug of whoever made it") {
  const auto apply_row = [](const PlanRow& row) {
    SeatTable seats(limits());
    auto plan = arrivals();
    plan.rows = {row};
    seats.apply(plan);
  };
  CHECK_THROWS_AS(apply_row({3, 0, 1, false}), InvariantViolation);   // no such seat
  CHECK_THROWS_AS(apply_row({-1, 0, 1, false}), InvariantViolation);  // nor this one
  CHECK_THROWS_AS(apply_row({1, 0, 1, false}), InvariantViolation);   // nobody sits there
  CHECK_THROWS_AS(apply_row({0, 2, 2, false}), InvariantViolation);   // empty
  CHECK_THROWS_AS(apply_row({0, -1, 2, false}), InvariantViolation);  // before the beginning
  CHECK_THROWS_AS(apply_row({0, 0, 7, false}), InvariantViolation);   // beyond what is known
  CHECK_THROWS_AS(apply_row({0, 0, 5, true}), InvariantViolation);    // samples in the middle
  CHECK_NOTHROW(apply_row({0, 0, 6, true}));
}

TEST_CASE("a row without blocks, a block beyond the cache and too many tokens are bugs as well") {
  const auto apply = [](const StepPlan& plan) { SeatTable(limits()).apply(plan); };
  StepPlan no_blocks;
  no_blocks.seats_taken = {{0, sequence({1, 2, 3, 4, 5})}};
  no_blocks.table_growth = {growth(0, {3})};
  no_blocks.rows = {{0, 0, 5, true}};
  auto far_block = arrivals();
  far_block.table_growth.push_back(growth(0, {10}));
  StepPlan strange_token;
  strange_token.seats_taken = {{0, sequence({100})}};
  strange_token.table_growth = {growth(0, {0})};
  strange_token.rows = {{0, 0, 1, true}};
  StepPlan crowded;
  crowded.seats_taken = {{0, sequence(std::vector<TokenId>(13, 1))}};
  crowded.table_growth = {growth(0, {0, 1, 2, 3})};
  crowded.rows = {{0, 0, 13, true}};

  CHECK_THROWS_AS(apply(no_blocks), InvariantViolation);
  CHECK_THROWS_AS(apply(far_block), InvariantViolation);
  CHECK_THROWS_AS(apply(strange_token), InvariantViolation);
  CHECK_THROWS_AS(apply(crowded), InvariantViolation);
  crowded.rows = {{0, 0, 12, false}};
  CHECK_NOTHROW(apply(crowded));
}

TEST_CASE("when a ring begins, every seat is free") {
  SeatTable seats(limits());
  seats.apply(arrivals());

  seats.clear();

  CHECK_THROWS_AS(static_cast<void>(seats.seat(0)), InvariantViolation);
}

}  // namespace
}  // namespace troupe
