// The scheduler when memory takes back what it gave.

#include "engine/scheduling/limits.h"

#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace troupe {
namespace {

using Stage = test::SchedulerStage;
using test::counting;
using test::defer_all;
using test::grant_all;
using test::kEnd;
using test::kWord;
using test::make_config;
using test::make_request;
using test::sample_all;

TEST_CASE("a deferred running sequence is asked for again when blocks come home") {
  Stage stage;
  stage.submit(1);
  stage.submit(2);
  static_cast<void>(stage.turn());
  static_cast<void>(stage.scheduler.acknowledge(defer_all(stage.propose())));
  CHECK_FALSE(stage.scheduler.propose(stage.now));

  stage.scheduler.cancel(RequestId{2});
  const auto proposal = stage.propose();

  CHECK(proposal.releases.size() == 1);
  CHECK(proposal.candidates.size() == 1);
}

TEST_CASE("a sequence that ended and was preempted by the same grant is not released again") {
  Stage stage;
  stage.submit(1);
  stage.submit(2);
  static_cast<void>(stage.turn());
  const auto proposal = stage.propose();
  stage.scheduler.cancel(RequestId{2});
  auto granted = grant_all(proposal);
  granted.preempted = {granted.rows[1].sequence};
  granted.rows.pop_back();
  static_cast<void>(stage.scheduler.acknowledge(granted));

  const auto next = stage.propose();

  CHECK(next.releases.empty());
  CHECK(next.candidates.size() == 1);
}

/// One turn in which the latest of those that run is preempted.
SequenceId preempt_latest(Stage& stage) {
  auto granted = grant_all(stage.propose());
  const auto victim = granted.rows.back().sequence;
  granted.preempted = {victim};
  granted.rows.pop_back();
  static_cast<void>(stage.scheduler.acknowledge(granted));
  static_cast<void>(stage.scheduler.apply(sample_all(granted, kWord)));
  return victim;
}

/// One request runs and a second one was just preempted.
SequenceId preempt_second(Stage& stage) {
  stage.submit(1);
  stage.submit(2);
  static_cast<void>(stage.turn());
  return preempt_latest(stage);
}

TEST_CASE("a preempted sequence comes back under a new name, with all its tokens, once one ends") {
  Stage stage;
  const auto victim = preempt_second(stage);
  CHECK(stage.scheduler.statistics().num_waiting == 1);
  CHECK(stage.scheduler.statistics().num_preemptions == 1);
  const auto meanwhile = grant_all(stage.propose());
  CHECK(meanwhile.rows.size() == 1);
  static_cast<void>(stage.scheduler.acknowledge(meanwhile));
  static_cast<void>(stage.scheduler.apply(sample_all(meanwhile, kEnd)));

  const auto proposal = stage.propose();

  REQUIRE(proposal.candidates.size() == 1);
  const auto& start = *proposal.candidates[0].admission;
  CHECK(start.sequence != victim);
  CHECK(start.tokens == std::vector<TokenId>{200, 201, 202, 203, kWord});
  CHECK(start.num_prompt_tokens == 4);
}

TEST_CASE("a preempted sequence comes back while others run, as soon as one of them has ended") {
  Stage stage;
  stage.submit(1);
  stage.submit(2);
  stage.submit(3);
  static_cast<void>(stage.turn());
  preempt_latest(stage);
  CHECK(stage.turn().tokens.size() == 2);

  stage.scheduler.cancel(RequestId{2});
  const auto proposal = stage.propose();

  REQUIRE(proposal.candidates.size() == 2);
  CHECK_FALSE(proposal.candidates[0].admission);
  CHECK(proposal.candidates[1].admission->request == RequestId{3});
}

TEST_CASE("a deferred running sequence is asked for again when another was preempted") {
  Stage stage;
  stage.submit(1);
  stage.submit(2);
  stage.submit(3);
  static_cast<void>(stage.turn());
  auto granted = grant_all(stage.propose());
  granted.deferred = {granted.rows[1].sequence};
  granted.rows.erase(granted.rows.begin() + 1);
  static_cast<void>(stage.scheduler.acknowledge(granted));
  static_cast<void>(stage.scheduler.apply(sample_all(granted, kWord)));
  preempt_latest(stage);

  CHECK(stage.propose().candidates.size() == 2);
}

TEST_CASE("results of steps before the preempting one count, and are waited for") {
  Stage stage;
  stage.submit(1);
  stage.submit(2);
  const auto first = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(first));
  auto second = grant_all(stage.propose());
  second.preempted = {second.rows[1].sequence};
  second.rows.pop_back();
  static_cast<void>(stage.scheduler.acknowledge(second));
  stage.scheduler.cancel(RequestId{1});
  CHECK_FALSE(stage.scheduler.propose(stage.now));  // two steps are in flight

  const auto outcome = stage.scheduler.apply(sample_all(first, kWord));

  REQUIRE(outcome.tokens.size() == 1);
  CHECK(outcome.tokens[0].request == RequestId{2});
  CHECK(stage.propose().candidates.at(0).admission->tokens.back() == kWord);
}

TEST_CASE("a preempted sequence is not proposed again before its last result is in") {
  Stage stage;
  stage.submit(1);
  stage.submit(2);
  const auto first = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(first));
  auto second = defer_all(stage.propose());
  second.preempted = {second.deferred.back()};
  second.deferred.pop_back();
  static_cast<void>(stage.scheduler.acknowledge(second));
  stage.scheduler.cancel(RequestId{1});

  const auto release = stage.propose();
  CHECK(release.candidates.empty());
  static_cast<void>(stage.scheduler.acknowledge(grant_all(release)));
  CHECK_FALSE(stage.scheduler.propose(stage.now));
  static_cast<void>(stage.scheduler.apply(sample_all(first, kWord)));

  CHECK(stage.propose().candidates.at(0).admission->num_tokens() == 5);
}

TEST_CASE("a preempted sequence may end by the result of a step before") {
  Stage stage;
  stage.submit(1);
  stage.submit(2);
  const auto first = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(first));
  auto second = grant_all(stage.propose());
  second.preempted = {second.rows[1].sequence};
  second.rows.pop_back();
  static_cast<void>(stage.scheduler.acknowledge(second));

  const auto outcome = stage.scheduler.apply(sample_all(first, kEnd));

  CHECK(outcome.tokens.size() == 2);
  CHECK(stage.scheduler.statistics().num_waiting == 0);
  CHECK(stage.propose().releases.size() == 1);
}

TEST_CASE("a sequence preempted too often comes back with all its blocks and is no victim again") {
  Stage stage;
  stage.submit(1, 4, 100);
  stage.submit(2, 4, 10);
  std::int32_t num_preempted = 0;
  while (num_preempted < kMaxPreemptions) {
    const auto admitted = grant_all(stage.propose());
    static_cast<void>(stage.scheduler.acknowledge(admitted));
    static_cast<void>(stage.scheduler.apply(sample_all(admitted, kWord)));
    preempt_latest(stage);
    ++num_preempted;
    stage.scheduler.cancel(RequestId{1});  // so that the preempted one may come back
    stage.submit(1, 4, 100);
  }

  const auto proposal = stage.propose();

  const auto& candidate = proposal.candidates.at(1);
  REQUIRE(candidate.admission);
  CHECK(candidate.admission->request == RequestId{2});
  CHECK(candidate.reserve == 13);  // the last of 14 tokens is sampled, not computed
  static_cast<void>(stage.scheduler.acknowledge(grant_all(proposal)));
  const auto victims = stage.propose().victims;
  CHECK(std::ranges::find(victims, candidate.sequence) == victims.end());
}

TEST_CASE("a preempted sequence takes no place in the queue from an arrival") {
  auto config = make_config(100, 4);
  config.max_num_queued_requests = 2;
  Stage stage(config);
  preempt_second(stage);

  stage.submit(3);
  stage.submit(4);

  CHECK_FALSE(stage.scheduler.enqueue(make_request(5, counting(4), 10)));
}

}  // namespace
}  // namespace troupe
