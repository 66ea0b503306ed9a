#include "kernels/sim/sim_backend.h"

#include "engine/base/check.h"

#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace troupe {
namespace {

using std::chrono::microseconds;
using test::counting;

constexpr RingNumber kRing{1};

SimOptions small_device() {
  SimOptions options;
  options.description.num_blocks = 8;
  options.description.block_size = 4;
  options.description.max_num_seqs = 2;
  options.description.max_num_batched_tokens = 16;
  options.description.vocab_size = 1000;
  options.checks = SimChecks::content;
  return options;
}

std::shared_ptr<SequenceStart> make_start(std::uint64_t number, std::vector<TokenId> tokens) {
  auto start = std::make_shared<SequenceStart>();
  start->sequence = SequenceId{number};
  start->num_prompt_tokens = static_cast<std::int32_t>(tokens.size());
  start->tokens = std::move(tokens);
  start->sampling.temperature = 0.0F;
  return start;
}

std::vector<BlockId> blocks(std::initializer_list<std::int32_t> numbers) {
  std::vector<BlockId> ids;
  for (const auto number : numbers) {
    ids.push_back(BlockId{number});
  }
  return ids;
}

/// A device, and plans numbered in turn.
struct Stage {
  explicit Stage(SimOptions options = small_device()) : device(std::move(options)) {
    REQUIRE(device.begin_ring(kRing));
  }

  SimBackend device;
  std::uint64_t step = 0;

  std::shared_ptr<StepPlan> plan(std::vector<PlanRow> rows) {
    auto plan = std::make_shared<StepPlan>();
    plan->ring = kRing;
    plan->step = StepNumber{++step};
    plan->rows = std::move(rows);
    return plan;
  }

  std::shared_ptr<StepPlan> entrance(std::shared_ptr<const SequenceStart> start,
                                     std::vector<BlockId> table,
                                     std::int32_t seat = 0) {
    auto made = plan({PlanRow{seat, 0, start->num_tokens(), true}});
    made->seats_taken = {SeatTaken{seat, std::move(start)}};
    made->table_growth = {TableGrowth{seat, std::move(table)}};
    return made;
  }

  StepResult run(const std::shared_ptr<StepPlan>& made) {
    REQUIRE(device.enqueue(made));
    auto result = device.wait();
    REQUIRE(result);
    return *result;
  }
};

TEST_CASE("the simulated device says what the pure function says, token after token") {
  Stage stage;
  const auto start = make_start(1, counting(3));
  auto log = start->tokens;
  auto result = stage.run(stage.entrance(start, blocks({0, 1})));

  for (std::int32_t position = 3; position < 8; ++position) {
    REQUIRE(result.tokens.size() == 1);
    CHECK(result.tokens[0].sequence == SequenceId{1});
    CHECK(result.tokens[0].position == position);
    CHECK(result.tokens[0].token == sim_next_token(log, *start, {1000, 0}));
    log.push_back(result.tokens[0].token);
    result = stage.run(stage.plan({PlanRow{0, position, position + 1, true}}));
  }
}

TEST_CASE("a prompt in chunks and behind a cached prefix gives the same token as in one piece") {
  const auto start = make_start(1, counting(7));
  const auto wanted = sim_next_token(start->tokens, *start, {1000, 0});
  Stage stage;
  auto first = stage.entrance(start, blocks({0, 1}));
  first->rows = {PlanRow{0, 0, 4, false}};
  CHECK(stage.run(first).tokens.empty());
  CHECK(stage.run(stage.plan({PlanRow{0, 4, 7, true}})).tokens.at(0).token == wanted);

  auto twin = stage.entrance(make_start(2, counting(7)), blocks({0, 2}), 1);
  twin->rows = {PlanRow{1, 4, 7, true}};

  CHECK(stage.run(twin).tokens.at(0).token == wanted);
}

TEST_CASE("two steps may be on the device, the second fed by the first") {
  Stage stage;
  const auto start = make_start(1, counting(3));
  REQUIRE(stage.device.enqueue(stage.entrance(start, blocks({0}))));
  REQUIRE(stage.device.enqueue(stage.plan({PlanRow{0, 3, 4, true}})));
  CHECK_THROWS_AS(static_cast<void>(stage.device.enqueue(stage.plan({PlanRow{0, 4, 5, true}}))),
                  InvariantViolation);

  const auto first = stage.device.wait();
  const auto second = stage.device.wait();

  CHECK(first->step == StepNumber{1});
  auto log = start->tokens;
  log.push_back(first->tokens.at(0).token);
  CHECK(second->tokens.at(0).token == sim_next_token(log, *start, {1000, 0}));
  CHECK_THROWS_AS(static_cast<void>(stage.device.wait()), InvariantViolation);
}

TEST_CASE("content goes to the host and comes back, and a copy may be written behind") {
  auto options = small_device();
  options.description.num_host_blocks = 2;
  Stage stage(options);
  const auto start = make_start(1, counting(9));
  const auto wanted = sim_next_token(start->tokens, *start, {1000, 0});
  CHECK(stage.run(stage.entrance(start, blocks({0, 1, 2}))).tokens.at(0).token == wanted);
  auto out = stage.entrance(make_start(2, counting(8, 500)), blocks({0, 1}), 1);
  out->swaps_out = {BlockSwap{BlockId{0}, 1}, BlockSwap{BlockId{1}, 0}};
  stage.run(out);

  auto in = stage.entrance(make_start(3, counting(9)), blocks({4, 6, 7}));
  in->swaps_in = {BlockSwap{BlockId{4}, 1}, BlockSwap{BlockId{5}, 0}};
  in->copies = {BlockCopy{BlockId{5}, BlockId{6}}};
  in->rows = {PlanRow{0, 6, 9, true}};

  CHECK(stage.run(in).tokens.at(0).token == wanted);
}

TEST_CASE("moves of what was never written, and reads of what was not moved, are noticed") {
  auto options = small_device();
  options.description.num_host_blocks = 2;
  Stage stage(options);
  stage.run(stage.entrance(make_start(1, counting(9)), blocks({0, 1, 2})));
  auto from_nowhere = stage.entrance(make_start(2, counting(9)), blocks({3, 4, 5}), 1);
  from_nowhere->swaps_in = {BlockSwap{BlockId{3}, 0}};
  CHECK_THROWS_AS(static_cast<void>(stage.device.enqueue(from_nowhere)), InvariantViolation);
  Stage other(options);
  other.run(other.entrance(make_start(1, counting(9)), blocks({0, 1, 2})));
  auto wrong = other.entrance(make_start(2, counting(9)), blocks({0, 4, 5}), 1);
  wrong->copies = {BlockCopy{BlockId{0}, BlockId{4}}};
  wrong->rows = {PlanRow{1, 6, 9, true}};

  CHECK_THROWS_AS(static_cast<void>(other.device.enqueue(wrong)), InvariantViolation);
}

TEST_CASE("what was written under another salt is not this sequence's") {
  const auto salted = [](std::uint64_t number, const char* salt) {
    auto start = make_start(number, counting(7));
    start->cache_salt = salt;
    return start;
  };
  const auto reads_under = [&](const char* salt) {
    Stage stage;
    stage.run(stage.entrance(salted(1, "alice"), blocks({0, 1})));
    auto twin = stage.entrance(salted(2, salt), blocks({0, 2}), 1);
    twin->rows = {PlanRow{1, 4, 7, true}};
    static_cast<void>(stage.device.enqueue(twin));
  };

  CHECK_NOTHROW(reads_under("alice"));
  CHECK_THROWS_AS(reads_under("bob"), InvariantViolation);
  CHECK_THROWS_AS(reads_under(""), InvariantViolation);
}

TEST_CASE("swaps take the time of the link, copies that of the memory") {
  BackendDescription device;
  device.bytes_per_block = 1'000'000;
  StepPlan plan;
  plan.swaps_out.resize(2);
  plan.swaps_in.resize(1);
  plan.copies.resize(5);
  SimTiming timing;
  CHECK(sim_move_time(timing, device, plan) == Duration::zero());
  device.host_link_bytes_per_second = 1e9;
  CHECK(sim_move_time(timing, device, plan) == microseconds(3000));
  timing.bytes_per_second = 1e10;

  CHECK(sim_move_time(timing, device, plan) == microseconds(4000));
}

TEST_CASE("any lost, repeated or swapped token changes what follows") {
  const auto start = make_start(1, {5, 6, 7, 8});
  const auto next = [&](std::vector<TokenId> log) {
    return sim_next_token(log, *start, {1'000'000, 0});
  };
  const auto right = next({5, 6, 7, 8});

  CHECK(next({5, 6, 8}) != right);
  CHECK(next({5, 6, 7, 7, 8}) != right);
  CHECK(next({5, 7, 6, 8}) != right);
}

TEST_CASE("a seed makes a difference above a temperature of zero only") {
  auto start = make_start(1, {5, 6, 7});
  const auto next = [&](float temperature, std::uint64_t seed) {
    start->sampling.temperature = temperature;
    start->sampling.seed = seed;
    return sim_next_token(start->tokens, *start, {1'000'000, 0});
  };

  CHECK(next(0.0F, 1) == next(0.0F, 2));
  CHECK(next(1.0F, 1) != next(1.0F, 2));
}

TEST_CASE("an end token comes as often as it should, never by chance and never too early") {
  auto start = make_start(1, {5});
  start->eos_tokens = {0, 1};
  const auto num_ends = [&](SimSampling sampling) {
    std::int32_t count = 0;
    for (TokenId token = 0; token < 2000; ++token) {
      const std::vector<TokenId> log{5, token};
      const auto next = sim_next_token(log, *start, sampling);
      REQUIRE(next != 1);
      count += next == 0 ? 1 : 0;
    }
    return count;
  };

  CHECK(num_ends({10, 0}) == 0);
  CHECK(num_ends({10, 1}) == 2000);
  CHECK(num_ends({10, 4}) > 400);
  CHECK(num_ends({10, 4}) < 600);
  start->sampling.min_tokens = 2;
  CHECK(num_ends({10, 1}) == 0);
}

TEST_CASE("log-probabilities come when asked for, in descending order") {
  auto start = make_start(1, counting(3));
  start->sampling.logprobs = 3;
  Stage stage;

  const auto token = stage.run(stage.entrance(start, blocks({0}))).tokens.at(0);

  REQUIRE(token.logprob);
  CHECK(token.logprob->token == token.token);
  REQUIRE(token.top_logprobs.size() == 3);
  CHECK(token.top_logprobs[0] == *token.logprob);
  CHECK(token.top_logprobs[1].bits != token.top_logprobs[2].bits);
}

TEST_CASE("a block that was given away too early is caught when it is read") {
  Stage stage;
  static_cast<void>(stage.run(stage.entrance(make_start(1, counting(3)), blocks({0, 1}), 0)));
  static_cast<void>(stage.run(stage.entrance(make_start(2, counting(3, 500)), blocks({0}), 1)));

  CHECK_THROWS_AS(static_cast<void>(stage.device.enqueue(stage.plan({PlanRow{0, 3, 4, true}}))),
                  InvariantViolation);
}

TEST_CASE("a prefix that nobody wrote in this ring is caught when it is read") {
  Stage stage;
  static_cast<void>(stage.run(stage.entrance(make_start(1, counting(7)), blocks({0, 1}))));
  REQUIRE(stage.device.begin_ring(kRing));
  auto hit = stage.entrance(make_start(2, counting(7)), blocks({0, 1}));
  hit->rows = {PlanRow{0, 4, 7, true}};

  CHECK_THROWS_AS(static_cast<void>(stage.device.enqueue(hit)), InvariantViolation);
}

TEST_CASE("a plan beyond the device's shape is a bug") {
  Stage stage;
  const auto start = make_start(1, counting(3));
  const auto refuses = [&](const std::shared_ptr<StepPlan>& plan) {
    CHECK_THROWS_AS(static_cast<void>(stage.device.enqueue(plan)), InvariantViolation);
  };

  refuses(stage.entrance(start, blocks({8})));
  refuses(stage.entrance(start, blocks({0}), 2));
  refuses(stage.entrance(start, {}));
  refuses(stage.entrance(make_start(1, counting(17)), blocks({0, 1, 2, 3, 4})));
  refuses(stage.plan({PlanRow{1, 0, 1, true}}));
  auto early = stage.entrance(start, blocks({0}));
  early->rows[0].samples = false;
  refuses(early);
  auto foreign = stage.entrance(start, blocks({0}));
  foreign->ring = RingNumber{2};
  refuses(foreign);
}

TEST_CASE(
    "a step takes its fixed time, its tokens' and its context's, or the roofline's if longer") {
  SimTiming timing;
  CHECK(sim_step_time(timing, 100, 100) == Duration::zero());
  timing.fixed = microseconds(10);
  timing.per_token = microseconds(2);
  timing.per_context_token = microseconds(1);
  CHECK(sim_step_time(timing, 3, 5) == microseconds(21));
  timing.weight_bytes = 1e6;
  timing.kv_bytes_per_token = 1e5;
  timing.bytes_per_second = 1e10;
  CHECK(sim_step_time(timing, 3, 5) == microseconds(150));
  timing.flops_per_token = 1e6;
  timing.flops_per_second = 1e9;
  CHECK(sim_step_time(timing, 3, 5) == microseconds(3000));
}

TEST_CASE("waiting sleeps until the step is done, and steps queue on the device") {
  TimePoint now(std::chrono::seconds(1));
  std::vector<TimePoint> sleeps;
  auto options = small_device();
  options.timing.fixed = microseconds(100);
  options.clock.now = [&] { return now; };
  options.clock.sleep_until = [&](TimePoint when) {
    sleeps.push_back(when);
    now = std::max(now, when);
  };
  Stage stage(std::move(options));
  const auto begin = now;
  REQUIRE(stage.device.enqueue(stage.entrance(make_start(1, counting(3)), blocks({0}))));
  REQUIRE(stage.device.enqueue(stage.plan({PlanRow{0, 3, 4, true}})));

  const auto first = stage.device.wait();
  static_cast<void>(stage.device.wait());

  CHECK(first->device_time == microseconds(100));
  CHECK(sleeps == std::vector{begin + microseconds(100), begin + microseconds(200)});
}

TEST_CASE("a device without times never sleeps") {
  auto options = small_device();
  bool slept = false;
  options.clock.sleep_until = [&](TimePoint) { slept = true; };
  Stage stage(std::move(options));

  static_cast<void>(stage.run(stage.entrance(make_start(1, counting(3)), blocks({0}))));

  CHECK_FALSE(slept);
}

}  // namespace
}  // namespace troupe
