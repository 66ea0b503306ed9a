// What a plan becomes before it is uploaded; needs no device.
#include "kernels/cuda/step_seats.h"

#include "engine/base/check.h"
#include "kernels/cuda/attention_work.h"
#include "kernels/cuda/embed.h"

#include <doctest/doctest.h>

#include <numeric>

namespace troupe::cuda {
namespace {

constexpr BackendDescription kLimits{.device = {},
                                     .num_blocks = 64,
                                     .block_size = 16,
                                     .bytes_per_block = 0,
                                     .max_num_seqs = 4,
                                     .max_num_batched_tokens = 64,
                                     .vocab_size = 100};
constexpr std::int32_t kMaxModelLen = 128;

std::shared_ptr<SequenceStart> start_of(std::int32_t num_tokens) {
  auto start = std::make_shared<SequenceStart>();
  start->sequence.value = 9;
  start->tokens.resize(static_cast<std::size_t>(num_tokens));
  std::iota(start->tokens.begin(), start->tokens.end(), 10);
  start->num_prompt_tokens = num_tokens;
  start->sampling.seed = 1;
  return start;
}

StepPlan seat(std::int32_t index, std::int32_t num_tokens, std::vector<std::int32_t> blocks) {
  StepPlan plan;
  plan.seats_taken.push_back({index, start_of(num_tokens)});
  TableGrowth growth{index, {}};
  for (const auto block : blocks) {
    growth.blocks.push_back(BlockId{block});
  }
  plan.table_growth.push_back(growth);
  return plan;
}

}  // namespace

TEST_CASE("a token that nobody has seen yet is named by its seat") {
  StepSeats seats(kLimits, kMaxModelLen);
  auto plan = seat(2, 20, {7, 3});
  plan.rows.push_back({2, 0, 20, true});
  const auto& prefill = seats.apply(plan);
  CHECK(prefill.batch.tokens.front() == 10);
  CHECK(prefill.batch.tokens.back() == 29);
  CHECK(prefill.batch.slot_mapping[15] == 7 * 16 + 15);
  CHECK(prefill.batch.slot_mapping[16] == 3 * 16);
  CHECK(prefill.sample_positions == std::vector<std::int32_t>{20});
  CHECK(prefill.blocks == std::vector<std::int32_t>{7, 3});

  StepPlan next;
  next.rows.push_back({2, 20, 21, true});
  const auto& decode = seats.apply(next);
  CHECK(decode.batch.tokens == std::vector<TokenId>{token_of_seat(2)});
  CHECK(decode.batch.positions == std::vector<std::int32_t>{20});
  CHECK(decode.batch.context_lengths == std::vector<std::int32_t>{21});
  CHECK(decode.sample_positions == std::vector<std::int32_t>{21});
  CHECK(decode.arrivals.empty());
  CHECK(decode.growth.empty());
}

TEST_CASE("the device is told of penalties, biases, end tokens and how long those may not come") {
  StepSeats seats(kLimits, kMaxModelLen);
  auto start = start_of(5);
  start->num_prompt_tokens = 3;
  start->eos_tokens = {1, 2};
  start->sampling.stop_token_ids = {4};
  start->sampling.min_tokens = 3;
  start->sampling.logit_bias = {{8, 1.5F}};
  start->sampling.presence_penalty = 0.5F;
  StepPlan plan;
  plan.seats_taken.push_back({0, start});
  plan.table_growth.push_back({0, {BlockId{1}}});
  plan.rows.push_back({0, 0, 5, true});

  const auto& first = seats.apply(plan);

  REQUIRE(first.arrivals.size() == 1);
  CHECK(first.arrivals[0].sampling.has_penalty == 1);
  CHECK(first.arrivals[0].sampling.num_biases == 1);
  CHECK(first.arrivals[0].sampling.num_end_tokens == 3);
  CHECK(first.end_tokens == std::vector<std::int32_t>{1, 2, 4});
  CHECK(first.biases[0].token == 8);
  CHECK(first.masks_ends == std::vector<std::int32_t>{1});
  StepPlan next;
  next.rows.push_back({0, 5, 6, true});
  CHECK(seats.apply(next).masks_ends == std::vector<std::int32_t>{0});
}

TEST_CASE("a plan that cannot be computed is a bug that is found before it reaches the device") {
  const auto refused = [](const PlanRow& row) {
    StepSeats seats(kLimits, kMaxModelLen);
    auto plan = seat(1, 20, {7, 3});
    plan.rows.push_back(row);
    CHECK_THROWS_AS(seats.apply(plan), InvariantViolation);
  };
  refused({0, 0, 1, false});   // nobody sits there
  refused({4, 0, 1, false});   // no such seat
  refused({1, 0, 0, false});   // empty
  refused({1, 0, 21, false});  // beyond what is known
  refused({1, 0, 19, true});   // samples before the end
  StepSeats seats(kLimits, kMaxModelLen);
  auto plan = seat(1, 20, {7});
  plan.rows.push_back({1, 0, 17, false});  // the table ends at 16
  CHECK_THROWS_AS(seats.apply(plan), InvariantViolation);
  CHECK_THROWS_AS(seats.apply(seat(1, 20, {64})), InvariantViolation);  // no such block
  CHECK_THROWS_AS(seats.apply(seat(1, 129, {0})), InvariantViolation);  // longer than a sequence
}

TEST_CASE(
    "single tokens go to decode attention while it has room, chunks to prefill, longest first") {
  PackedBatch batch;
  batch.tokens.resize(1 + 40 + 1 + 1);
  batch.query_starts = {0, 1, 41, 42, 43};
  batch.context_lengths = {257, 40, 1, 600};
  AttentionWork work;

  plan_attention(work, batch,
                 {.num_kv_heads = 1, .group = 4, .max_decode_splits = 3, .decode_blocks = 100});

  REQUIRE(work.decode.size() == 3);
  CHECK(work.decode[0].sequence == 0);
  CHECK(work.decode[1].first_split == 1);
  CHECK(work.decode[2].sequence == 2);
  CHECK(work.decode[2].first_partial == 2);
  // 40 tokens of 4 heads are 160 rows: three tiles; the last sequence found no room.
  REQUIRE(work.prefill.size() == 4);
  CHECK(work.prefill[0].sequence == 3);
  CHECK(work.prefill[1].first_row == 128);
  CHECK(work.prefill[3].first_row == 0);
  CHECK(max_prefill_items(43, 4, 4) >= 4);
}

TEST_CASE("when the device is busy anyway, a block takes several splits of a sequence") {
  PackedBatch batch;
  batch.tokens.resize(2);
  batch.query_starts = {0, 1, 2};
  batch.context_lengths = {5 * kDecodeSplitKeys, 256};
  AttentionWork work;

  plan_attention(work, batch,
                 {.num_kv_heads = 4, .group = 1, .max_decode_splits = 100, .decode_blocks = 3});

  // 24 units for 3 blocks, two for each: four splits at a time at most, in items of nearly equal
  // size.
  REQUIRE(work.decode.size() == 3);
  CHECK(work.decode[0].num_splits == 2);
  CHECK(work.decode[1].first_split == 2);
  CHECK(work.decode[1].num_splits == 3);
  CHECK(work.decode[1].first_partial == 0);
  CHECK(work.decode[2].num_splits == 1);
  CHECK(work.decode[2].first_partial == 5);
}

}  // namespace troupe::cuda
