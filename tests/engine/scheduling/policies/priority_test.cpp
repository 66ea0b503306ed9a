#include "engine/scheduling/policies/priority.h"

#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

#include <vector>

namespace troupe {
namespace {

using Stage = test::SchedulerStage;
using test::grant_all;
using test::make_config;
using test::requests_of;

EngineConfig priority_config(std::int32_t num_seats) {
  auto config = make_config(100, 4);
  config.max_num_seqs = num_seats;
  config.scheduling.policy = SchedulingPolicy::priority;
  return config;
}

TEST_CASE("the highest priority goes first, among equals the first to come, then by request") {
  Stage stage(priority_config(8));
  stage.submit_with_priority(1, 0);
  stage.submit_with_priority(2, 5);
  stage.submit_with_priority(3, -1);
  stage.submit_with_priority(4, 5);

  CHECK(requests_of(stage.propose()) == std::vector<std::uint64_t>{2, 4, 1, 3});
}

TEST_CASE("an urgent request on a full engine is in the first plan made after its arrival") {
  Stage stage(priority_config(2));
  stage.submit_with_priority(1, 0);
  stage.submit_with_priority(2, 0);
  static_cast<void>(stage.turn());
  stage.submit_with_priority(3, 1);

  const auto proposal = stage.propose();

  REQUIRE(proposal.candidates.size() == 3);
  const auto& entrant = proposal.candidates[1];  // behind the oldest alone
  REQUIRE(entrant.admission);
  CHECK(entrant.admission->request == RequestId{3});
  CHECK(entrant.displaces == proposal.candidates[2].sequence);
  CHECK(entrant.seat == proposal.candidates[2].seat);
  const auto granted = grant_all(proposal);
  REQUIRE(granted.preempted.size() == 1);
  static_cast<void>(stage.scheduler.acknowledge(granted));
  const auto outcome = stage.scheduler.apply(test::sample_all(granted, test::kWord));
  REQUIRE(outcome.tokens.size() == 2);
  CHECK(outcome.tokens[1].request == RequestId{3});
  CHECK(stage.scheduler.statistics().num_running == 2);
  CHECK(stage.scheduler.statistics().num_waiting == 1);
}

TEST_CASE("the oldest keeps its seat, however low it stands") {
  Stage stage(priority_config(1));
  stage.submit_with_priority(1, -5);
  static_cast<void>(stage.turn());
  stage.submit_with_priority(2, 5);

  const auto proposal = stage.propose();

  REQUIRE(proposal.candidates.size() == 1);
  CHECK_FALSE(proposal.candidates[0].admission);
}

TEST_CASE("equals do not displace each other") {
  Stage stage(priority_config(2));
  stage.submit_with_priority(1, 3);
  stage.submit_with_priority(2, 3);
  static_cast<void>(stage.turn());
  stage.submit_with_priority(3, 3);

  CHECK(stage.propose().candidates.size() == 2);
}

TEST_CASE("a displacement that memory does not grant changes nothing") {
  Stage stage(priority_config(2));
  stage.submit_with_priority(1, 0);
  stage.submit_with_priority(2, 0);
  static_cast<void>(stage.turn());
  stage.submit_with_priority(3, 1);
  const auto proposal = stage.propose();
  auto granted = grant_all(proposal);
  granted.preempted.clear();
  granted.rows.clear();
  granted.deferred = {proposal.candidates[1].sequence};
  granted.rows.push_back({proposal.candidates[0].sequence, proposal.candidates[0].begin,
                          proposal.candidates[0].begin + 1, true});
  granted.rows.push_back({proposal.candidates[2].sequence, proposal.candidates[2].begin,
                          proposal.candidates[2].begin + 1, true});

  static_cast<void>(stage.scheduler.acknowledge(granted));

  CHECK(stage.scheduler.statistics().num_running == 2);
  CHECK(stage.scheduler.statistics().num_waiting == 1);
  CHECK(stage.scheduler.statistics().num_preemptions == 0);
  // Held back by memory: nothing has come home, so it does not ask again.
  CHECK(stage.propose().candidates.size() == 2);
}

TEST_CASE("a displaced sequence that ended meanwhile is not released twice") {
  Stage stage(priority_config(2));
  stage.submit_with_priority(1, 0);
  stage.submit_with_priority(2, 0);
  static_cast<void>(stage.turn());
  stage.submit_with_priority(3, 1);
  const auto granted = grant_all(stage.propose());
  stage.scheduler.cancel(RequestId{2});

  static_cast<void>(stage.scheduler.acknowledge(granted));

  CHECK(stage.scheduler.statistics().num_running == 2);
  CHECK(stage.propose().releases.empty());
}

}  // namespace
}  // namespace troupe
