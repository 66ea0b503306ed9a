// Why a request is not in a step: each hindrance, asked right after the proposal.
#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

#include <utility>

namespace troupe::test {
namespace {

EngineConfig seats(std::int32_t count) {
  auto config = make_config(100, 4);
  config.max_num_seqs = count;
  return config;
}

EngineConfig with_policy(EngineConfig config, SchedulingPolicy policy) {
  config.scheduling.policy = policy;
  return config;
}

Whereabouts where(const SchedulerStage& stage, std::uint64_t number) {
  return stage.scheduler.whereabouts(RequestId{number});
}

}  // namespace

TEST_CASE("a request that nobody knows is elsewhere, and one that is proposed is not hindered") {
  SchedulerStage stage;
  stage.submit(1);
  static_cast<void>(stage.propose());

  CHECK(where(stage, 9).place == Place::elsewhere);
  CHECK(where(stage, 1).place == Place::waiting);
  CHECK(where(stage, 1).hindrance == Hindrance::none);
}

TEST_CASE("who finds no seat waits behind the first who finds none, in his place of the queue") {
  SchedulerStage stage(seats(2));
  for (std::uint64_t number = 1; number <= 4; ++number) {
    stage.submit(number);
  }
  static_cast<void>(stage.propose());

  const auto first = where(stage, 3);
  CHECK(first.place == Place::waiting);
  CHECK(first.hindrance == Hindrance::no_seat);
  CHECK_FALSE(first.of);
  CHECK(first.place_in_queue == 1);
  const auto second = where(stage, 4);
  CHECK(second.hindrance == Hindrance::no_seat);
  CHECK(second.of == RequestId{3});
  CHECK(second.place_in_queue == 2);
}

TEST_CASE("who finds no tokens left in the step waits for the next") {
  auto config = seats(8);
  config.max_num_batched_tokens = 8;
  config.enable_prefix_caching = false;
  SchedulerStage stage(config);
  stage.submit(1, 8);
  stage.submit(2, 8);
  static_cast<void>(stage.propose());

  CHECK(where(stage, 2).hindrance == Hindrance::no_tokens);
}

TEST_CASE("who was deferred is held back until a block comes home, and may be passed") {
  SchedulerStage stage(seats(8));
  stage.submit(1);
  stage.turn();
  stage.submit(2);
  auto proposal = stage.propose();
  auto granted = grant_all(proposal);
  REQUIRE(granted.rows.size() == 2);
  granted.deferred = {granted.rows.back().sequence};
  granted.rows.pop_back();
  static_cast<void>(stage.scheduler.acknowledge(granted));
  static_cast<void>(stage.scheduler.apply(sample_all(granted, kWord)));
  stage.submit(3);
  static_cast<void>(stage.propose());

  CHECK(where(stage, 2).hindrance == Hindrance::no_memory);
  CHECK_FALSE(where(stage, 2).of);
  CHECK(where(stage, 3).hindrance == Hindrance::none);
}

TEST_CASE("while a running request is short of memory nobody enters, and it is named") {
  SchedulerStage stage(seats(8));
  stage.submit(1);
  stage.submit(2);
  stage.turn();
  auto proposal = stage.propose();
  auto granted = grant_all(proposal);
  granted.deferred = {granted.rows.back().sequence};
  granted.rows.pop_back();
  static_cast<void>(stage.scheduler.acknowledge(granted));
  static_cast<void>(stage.scheduler.apply(sample_all(granted, kWord)));
  stage.submit(3);
  static_cast<void>(stage.propose());

  const auto runner = where(stage, 2);
  CHECK(runner.place == Place::running);
  CHECK(runner.hindrance == Hindrance::no_memory);
  const auto entrant = where(stage, 3);
  CHECK(entrant.hindrance == Hindrance::short_runner);
  CHECK(entrant.of == RequestId{2});
}

TEST_CASE("who was preempted waits for somebody's end, and those behind wait for him") {
  SchedulerStage stage(seats(8));
  stage.submit(1);
  stage.submit(2);
  stage.turn();
  auto granted = grant_all(stage.propose());
  granted.preempted = {granted.rows.back().sequence};
  granted.rows.pop_back();
  static_cast<void>(stage.scheduler.acknowledge(granted));
  static_cast<void>(stage.scheduler.apply(sample_all(granted, kWord)));
  stage.submit(3);
  static_cast<void>(stage.propose());

  CHECK(where(stage, 2).place == Place::waiting);
  CHECK(where(stage, 2).hindrance == Hindrance::preempted);
  CHECK(where(stage, 3).hindrance == Hindrance::preempted);
  CHECK(where(stage, 3).of == RequestId{2});
}

TEST_CASE("who must give place to requests of a crashed step is told so") {
  SchedulerStage stage(seats(8), {{RequestId{1}}});
  stage.submit(1);
  stage.submit(2);
  static_cast<void>(stage.propose());

  CHECK(where(stage, 1).hindrance == Hindrance::none);
  CHECK(where(stage, 2).hindrance == Hindrance::suspects);
}

TEST_CASE("nobody joins a static batch that has begun to decode") {
  SchedulerStage stage(with_policy(seats(2), SchedulingPolicy::static_batch));
  stage.submit(1);
  stage.submit(2);
  stage.turn();
  stage.turn();
  stage.submit(3);
  static_cast<void>(stage.propose());

  CHECK(where(stage, 3).place == Place::waiting);
  CHECK(where(stage, 3).hindrance == Hindrance::closed_batch);
  CHECK(where(stage, 3).place_in_queue == 1);
}

TEST_CASE("who runs, and whose last token is being sampled, waits for the device alone") {
  SchedulerStage stage;
  stage.submit(1, 4, 1);
  stage.submit(2, 4, 5);
  static_cast<void>(stage.scheduler.acknowledge(grant_all(stage.propose())));
  static_cast<void>(stage.propose());

  CHECK(where(stage, 1).place == Place::running);
  CHECK(where(stage, 1).hindrance == Hindrance::result_under_way);
}

TEST_CASE("where not all can decode in a step, those whose turn it is not are told so") {
  auto config = seats(4);
  config.scheduling.max_decode_tokens = 1;
  SchedulerStage stage(config);
  stage.submit(1);
  stage.submit(2);
  stage.turn();
  const auto proposal = stage.propose();
  REQUIRE(proposal.candidates.size() == 1);

  const auto one = where(stage, 1);
  const auto other = where(stage, 2);
  CHECK((one.hindrance == Hindrance::no_tokens) != (other.hindrance == Hindrance::no_tokens));
}

}  // namespace troupe::test
