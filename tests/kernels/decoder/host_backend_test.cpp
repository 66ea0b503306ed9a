#include "kernels/decoder/host_backend.h"

#include "engine/base/check.h"

#include "tests/kernels/decoder/scripted_operations.h"

#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <utility>

namespace troupe {
namespace {

constexpr std::int32_t kVocabSize = 50;

// The likeliest token follows the last one.
void successor(TokenId last, std::span<float> logits) {
  logits[static_cast<std::size_t>(last + 1)] = 9.0F;
}

std::unique_ptr<Backend> make_backend(ScriptedOperations::Rule rule) {
  return make_host_backend(std::make_unique<ScriptedOperations>(kVocabSize, std::move(rule)),
                           {.device = "script",
                            .num_blocks = 8,
                            .block_size = 4,
                            .bytes_per_block = 0,
                            .max_num_seqs = 2,
                            .max_num_batched_tokens = 16,
                            .vocab_size = kVocabSize},
                           1);
}

std::shared_ptr<StepPlan> prefill(std::uint64_t step, TokenId last) {
  auto start = std::make_shared<SequenceStart>();
  start->sequence = SequenceId{17};
  start->tokens = {3, last};
  start->num_prompt_tokens = 2;
  start->sampling.temperature = 0.0F;
  auto plan = std::make_shared<StepPlan>();
  plan->ring = RingNumber{4};
  plan->step = StepNumber{step};
  plan->seats_taken = {{1, start}};
  plan->table_growth = {{1, {BlockId{6}}}};
  plan->rows = {{1, 0, 2, true}};
  return plan;
}

std::shared_ptr<StepPlan> decode(std::uint64_t step, std::int32_t position) {
  auto plan = std::make_shared<StepPlan>();
  plan->ring = RingNumber{4};
  plan->step = StepNumber{step};
  plan->rows = {{1, position, position + 1, true}};
  return plan;
}

TEST_CASE("a plan enqueued behind another decodes the token that the other samples") {
  const auto backend = make_backend(successor);
  REQUIRE(backend->enqueue(prefill(1, 20)).has_value());
  REQUIRE(backend->enqueue(decode(2, 2)).has_value());

  const auto first = backend->wait();
  const auto second = backend->wait();

  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  REQUIRE(first->tokens.size() == 1);
  CHECK(first->ring == RingNumber{4});
  CHECK(first->step == StepNumber{1});
  CHECK(first->tokens[0].sequence == SequenceId{17});
  CHECK(first->tokens[0].position == 2);
  CHECK(first->tokens[0].token == 21);
  CHECK(second->step == StepNumber{2});
  CHECK(second->tokens[0].position == 3);
  CHECK(second->tokens[0].token == 22);
}

TEST_CASE("a plan without rows changes the seats and has an empty result") {
  const auto backend = make_backend(successor);
  const auto plan = prefill(1, 20);
  plan->rows.clear();
  REQUIRE(backend->enqueue(plan).has_value());

  const auto result = backend->wait();

  REQUIRE(result.has_value());
  CHECK(result->tokens.empty());
}

TEST_CASE("a host backend takes as many plans as it says, and waits only for one it has") {
  const auto backend = make_backend(successor);

  CHECK(backend->capacity() >= 2);
  CHECK_THROWS_AS(static_cast<void>(backend->wait()), InvariantViolation);
  for (std::int32_t i = 0; i < backend->capacity(); ++i) {
    REQUIRE(backend->enqueue(prefill(1, 20)).has_value());
  }
  CHECK_THROWS_AS(static_cast<void>(backend->enqueue(prefill(1, 20))), InvariantViolation);
}

TEST_CASE("logits that are no numbers are a device's error that names the sequence") {
  const auto backend = make_backend([](TokenId, std::span<float> logits) {
    logits[7] = std::numeric_limits<float>::quiet_NaN();
  });
  REQUIRE(backend->enqueue(prefill(1, 20)).has_value());

  const auto result = backend->wait();

  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == ErrorCode::device);
  CHECK(result.error().message.find("token 7") != std::string::npos);
  CHECK(result.error().message.find("sequence 17") != std::string::npos);
}

TEST_CASE("an operation's error is the step's") {
  auto operations = std::make_unique<ScriptedOperations>(kVocabSize, successor);
  operations->failing = "attention 0";
  const auto backend = make_host_backend(std::move(operations),
                                         {.device = "script",
                                          .num_blocks = 8,
                                          .block_size = 4,
                                          .bytes_per_block = 0,
                                          .max_num_seqs = 2,
                                          .max_num_batched_tokens = 16,
                                          .vocab_size = kVocabSize},
                                         1);
  REQUIRE(backend->enqueue(prefill(1, 20)).has_value());

  const auto result = backend->wait();

  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().message == "attention 0 failed");
}

TEST_CASE("a plan's moves are made before its rows are computed, and only if there are any") {
  auto operations = std::make_unique<ScriptedOperations>(kVocabSize, successor);
  auto& calls = operations->calls;
  const auto backend = make_host_backend(std::move(operations),
                                         {.device = "script",
                                          .num_blocks = 8,
                                          .block_size = 4,
                                          .max_num_seqs = 2,
                                          .max_num_batched_tokens = 16,
                                          .vocab_size = kVocabSize,
                                          .num_host_blocks = 1},
                                         1);
  auto plan = prefill(1, 20);
  plan->swaps_out = {{BlockId{6}, 0}};
  plan->copies = {{BlockId{1}, BlockId{2}}};
  REQUIRE(backend->enqueue(plan).has_value());
  REQUIRE(backend->wait().has_value());
  CHECK(calls.at(0) == "move 1 out, 0 in, 1 across");
  CHECK(calls.at(1) == "begin");
  calls.clear();
  REQUIRE(backend->enqueue(decode(2, 2)).has_value());
  REQUIRE(backend->wait().has_value());
  CHECK(calls.at(0) == "begin");
  auto astray = decode(3, 3);
  astray->swaps_in = {{BlockId{6}, 1}};
  REQUIRE(backend->enqueue(astray).has_value());

  CHECK_THROWS_AS(static_cast<void>(backend->wait()), InvariantViolation);
}

TEST_CASE("a new ring finds neither plans nor sequences of the old one") {
  const auto backend = make_backend(successor);
  REQUIRE(backend->enqueue(prefill(1, 20)).has_value());
  REQUIRE(backend->wait().has_value());
  REQUIRE(backend->enqueue(decode(2, 2)).has_value());

  REQUIRE(backend->begin_ring(RingNumber{5}).has_value());

  CHECK_THROWS_AS(static_cast<void>(backend->wait()), InvariantViolation);
  REQUIRE(backend->enqueue(decode(1, 2)).has_value());
  CHECK_THROWS_AS(static_cast<void>(backend->wait()), InvariantViolation);
}

}  // namespace
}  // namespace troupe
