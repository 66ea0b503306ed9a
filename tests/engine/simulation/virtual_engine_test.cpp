#include "engine/simulation/virtual_engine.h"

#include "engine/simulation/study_drive.h"
#include "engine/simulation/workload.h"

#include "rehearsal/draw.h"
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace troupe::simulation {
namespace {

constexpr std::int32_t kVocabSize = 32'000;

EnqueuedRequest attempt_of(const Workload& list, std::size_t index) {
  return first_attempt(list.requests[index], index, prompt_tokens(list, index, kVocabSize));
}

VirtualEngineOptions options_of(std::int32_t num_blocks, std::int32_t max_num_seqs) {
  VirtualEngineOptions options;
  options.engine.num_blocks = num_blocks;
  options.engine.block_size = 4;
  options.engine.max_model_len = 200;
  options.engine.max_num_seqs = max_num_seqs;
  options.engine.max_num_batched_tokens = 48;
  options.engine.max_num_queued_requests = 1000;
  options.memory.num_blocks = num_blocks;
  options.memory.block_size = 4;
  options.cost = equal_step_cost();
  return options;
}

struct Answer {
  std::vector<Duration> tokens;  // when each came
  bool finished = false;
};

struct Played {
  std::vector<Answer> answers;  // in the order of the list
  EngineTotals totals;
};

Played play(const Workload& list, const VirtualEngineOptions& options) {
  VirtualEngine engine(options);
  Played played;
  played.answers.resize(list.requests.size());
  std::size_t next = 0;
  for (;;) {
    const auto end = engine.next_end();
    if (next < list.requests.size() && (!end || list.requests[next].arrival < *end)) {
      REQUIRE(engine.enqueue(attempt_of(list, next), list.requests[next].arrival));
      engine.plan();
      ++next;
    } else if (end) {
      for (const auto& token : engine.land()) {
        auto& answer = played.answers[token.request.value];
        answer.tokens.push_back(*end);
        answer.finished = token.finished.has_value();
      }
      engine.plan();
    } else {
      break;
    }
  }
  played.totals = engine.totals();
  return played;
}

TEST_CASE("an engine without requests is idle") {
  const auto options = options_of(40, 4);
  const VirtualEngine engine(options);

  CHECK_FALSE(engine.next_end());
  CHECK(engine.totals().num_steps == 0);
}

TEST_CASE("with one seat the second request begins in the step after the first one's last") {
  const auto options = options_of(40, 1);
  Workload list;
  list.requests.push_back({Duration::zero(), 4, 3, 0, 0, {}});
  list.requests.push_back({Duration::zero(), 9, 2, 0, 0, {}});
  const auto played = play(list, options);

  CHECK(played.answers[0].tokens == std::vector<Duration>{kUnitStep, 2 * kUnitStep, 3 * kUnitStep});
  CHECK(played.answers[1].tokens == std::vector<Duration>{4 * kUnitStep, 5 * kUnitStep});
  CHECK(played.totals.num_steps == 5);
  CHECK(played.totals.num_rows == 5);
  CHECK(played.totals.busy == 5 * kUnitStep);
}

TEST_CASE("a request that comes during a step joins behind the two that are in flight") {
  const auto options = options_of(40, 2);
  Workload list;
  list.requests.push_back({Duration::zero(), 4, 6, 0, 0, {}});
  list.requests.push_back({kUnitStep / 2, 4, 2, 0, 0, {}});
  const auto played = play(list, options);

  // Steps 1 and 2 were planned at 0; step 3 is the first that can hold it.
  CHECK(played.answers[1].tokens == std::vector<Duration>{3 * kUnitStep, 4 * kUnitStep});
  CHECK(played.totals.num_steps == 6);
  CHECK(played.totals.num_rows == 8);
}

TEST_CASE("a request that fits into no memory is refused at once") {
  const auto options = options_of(10, 2);
  Workload list;
  list.requests.push_back({Duration::zero(), 41, 1, 0, 0, {}});
  VirtualEngine engine(options);

  const auto taken = engine.enqueue(attempt_of(list, 0), Duration::zero());
  engine.plan();
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == ErrorCode::never_fits);
  CHECK_FALSE(engine.next_end());
}

// Some come together, some long after: no two in the same nanosecond.
Workload drawn_list(std::uint64_t seed) {
  rehearsal::Draw draws(seed);
  Workload list;
  list.prefix_block_tokens = 8;
  Duration arrival{};
  for (std::int32_t number = 0; number < 60; ++number) {
    const auto apart = draws.between(0, 3) == 0 ? 40'000'000 : 100;
    arrival += Duration(draws.between(1, apart));
    WorkloadRequest request;
    request.arrival = arrival;
    request.num_prompt_tokens = draws.between(8, 60);
    request.num_output_tokens = draws.between(1, 40);
    request.priority = draws.between(0, 2);
    request.tenant = draws.between(0, 2);
    request.prefix_blocks = {draws.between(1, 5)};
    list.requests.push_back(std::move(request));
  }
  return list;
}

Duration drawn_cost(const StepShape& shape) {
  return std::chrono::microseconds(1000) + shape.num_tokens() * std::chrono::nanoseconds(7001) +
         shape.num_decode_context * std::chrono::nanoseconds(13);
}

// The study lets a whole list in by itself, and learns of steps by watching the planning.
TEST_CASE("the study's loop and the virtual engine play every list alike, under every policy") {
  std::int64_t num_preemptions = 0;
  std::int64_t num_hit_tokens = 0;
  for (std::uint64_t seed = 0; seed < 160; ++seed) {
    CAPTURE(seed);
    const auto list = drawn_list(seed);
    auto options = options_of(30 + static_cast<std::int32_t>(seed % 3) * 20, 8);
    options.engine.scheduling.policy = kPolicyNames[seed % kPolicyNames.size()].policy;
    options.cost = drawn_cost;
    const auto played = play(list, options);
    const auto record = drive(list, options);

    Duration busy{};
    for (const auto& step : record.steps) {
      busy += step.end - step.begin;
    }
    CHECK(played.totals.num_steps == static_cast<std::int64_t>(record.steps.size()));
    CHECK(played.totals.busy == busy);
    for (std::size_t index = 0; index < list.requests.size(); ++index) {
      CAPTURE(index);
      const auto& answer = played.answers[index];
      REQUIRE(answer.finished);
      REQUIRE(answer.tokens.size() ==
              static_cast<std::size_t>(list.requests[index].num_output_tokens));
      CHECK(record.requests[index].ending == Ending::finished);
      CHECK(record.requests[index].num_output_tokens == list.requests[index].num_output_tokens);
      CHECK(record.requests[index].first_token == answer.tokens.front());
      CHECK(record.requests[index].end == answer.tokens.back());
    }
    num_preemptions += played.totals.num_preemptions;
    num_hit_tokens += played.totals.num_hit_tokens;
  }
  CHECK(num_preemptions > 100);
  CHECK(num_hit_tokens > 1000);
}

}  // namespace
}  // namespace troupe::simulation
