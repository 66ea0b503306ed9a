#include "engine/scheduling/policies/mlfq.h"

#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

#include <vector>

namespace troupe {
namespace {

using namespace policies;
using namespace std::chrono_literals;
using Stage = test::SchedulerStage;
using test::requests_of;

EngineConfig mlfq_config() {
  auto config = test::make_config(1000, 4);
  config.max_num_seqs = 2;
  config.scheduling.policy = SchedulingPolicy::mlfq;
  config.scheduling.mlfq_first_quantum = 8;
  config.scheduling.mlfq_num_rungs = 3;
  config.scheduling.mlfq_promote_after = 1000ns;
  return config;
}

Standing joining(std::int32_t num_prompt_tokens) {
  Standing standing;
  standing.num_prompt_tokens = num_prompt_tokens;
  return mlfq_join(standing, mlfq_config().scheduling);
}

TEST_CASE("a request joins the first rung whose quantum covers its prompt") {
  CHECK(joining(1).rung == 0);
  CHECK(joining(8).rung == 0);
  CHECK(joining(9).rung == 1);
  CHECK(joining(16).rung == 1);
  CHECK(joining(17).rung == 2);
  CHECK(joining(1'000'000).rung == 2);
}

TEST_CASE("a quantum used up leads down a rung, and from the last one nowhere") {
  const auto config = mlfq_config().scheduling;
  auto standing = mlfq_serve(joining(4), 7, TimePoint(5ns), config);
  CHECK(standing.rung == 0);
  CHECK(standing.rung_since == TimePoint(5ns));
  standing = mlfq_serve(standing, 1, TimePoint(6ns), config);
  CHECK(standing.rung == 1);
  CHECK(standing.rung_tokens == 0);
  standing = mlfq_serve(standing, 16, TimePoint(7ns), config);
  standing = mlfq_serve(standing, 100, TimePoint(8ns), config);

  CHECK(standing.rung == 2);
}

TEST_CASE("whoever has waited long enough goes up to the first rung, to the nanosecond") {
  const auto config = mlfq_config().scheduling;
  auto standing = joining(10);
  standing.rung_since = TimePoint(100ns);

  CHECK_FALSE(mlfq_is_due(standing, TimePoint(1099ns), config));
  CHECK(mlfq_is_due(standing, TimePoint(1100ns), config));
  standing = mlfq_promote(standing, TimePoint(1100ns));
  CHECK(standing.rung == 0);
  CHECK_FALSE(mlfq_is_due(standing, TimePoint(9999ns), config));
}

TEST_CASE("short prompts pass long ones, and take the seat of one that is further down") {
  Stage stage(mlfq_config());
  stage.submit(1, 4);
  stage.submit(2, 30);
  static_cast<void>(stage.turn());
  stage.submit(3, 4);

  const auto proposal = stage.propose();

  REQUIRE(proposal.candidates.size() == 3);
  REQUIRE(proposal.candidates[1].admission);
  CHECK(proposal.candidates[1].admission->request == RequestId{3});
  CHECK(proposal.candidates[1].displaces == proposal.candidates[2].sequence);
}

TEST_CASE("a long prompt that waited its time out goes before what came after its promotion") {
  auto config = mlfq_config();
  config.max_num_seqs = 3;
  const auto order_at = [&](TimePoint now) {
    Stage stage(config);
    stage.submit(2, 30);
    stage.submit(3, 4);
    stage.submit_at(4, 4, now);
    stage.now = now;
    return requests_of(stage.propose());
  };

  CHECK(order_at(TimePoint(1001ns)) == std::vector<std::uint64_t>{3, 4, 2});
  CHECK(order_at(TimePoint(1002ns)) == std::vector<std::uint64_t>{3, 2, 4});
}

}  // namespace
}  // namespace troupe
