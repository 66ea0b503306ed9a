#include "engine/scheduling/scheduler.h"

#include "engine/base/check.h"

#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

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
using test::requests_of;
using test::sample_all;

TEST_CASE("an idle scheduler proposes nothing") {
  Stage stage;

  CHECK_FALSE(stage.scheduler.propose(stage.now));
  CHECK_FALSE(stage.scheduler.propose(stage.now));
}

TEST_CASE("a request is admitted with its prompt and told its tokens by position") {
  Stage stage;
  stage.submit(1, 4, 2);

  const auto proposal = stage.propose();
  REQUIRE(proposal.candidates.size() == 1);
  CHECK(proposal.candidates[0].admission->tokens == counting(4));
  CHECK(proposal.candidates[0].known == 4);
  const auto granted = grant_all(proposal);
  static_cast<void>(stage.scheduler.acknowledge(granted));
  const auto outcome = stage.scheduler.apply(sample_all(granted, kWord));

  REQUIRE(outcome.tokens.size() == 1);
  CHECK(outcome.tokens[0].position == 4);
  CHECK(outcome.tokens[0].token == kWord);
  CHECK_FALSE(outcome.tokens[0].finished);
  const auto last = stage.turn();
  CHECK(last.tokens[0].position == 5);
  CHECK(last.tokens[0].finished == FinishReason::length);
}

TEST_CASE("one proposal is outstanding at a time") {
  Stage stage;
  stage.submit(1);
  static_cast<void>(stage.propose());
  stage.submit(2);

  CHECK_FALSE(stage.scheduler.propose(stage.now));
}

TEST_CASE("the next step is proposed while one runs, and a third is not") {
  Stage stage;
  stage.submit(1);
  const auto first = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(first));

  const auto second = stage.propose();

  REQUIRE(second.candidates.size() == 1);
  CHECK(second.candidates[0].begin == 4);
  CHECK(second.candidates[0].known == 5);
  static_cast<void>(stage.scheduler.acknowledge(grant_all(second)));
  CHECK_FALSE(stage.scheduler.propose(stage.now));
  static_cast<void>(stage.scheduler.apply(sample_all(first, kWord)));
  CHECK(stage.scheduler.propose(stage.now));
}

TEST_CASE("an end by length is known beforehand: seat and blocks go to the next one at once") {
  auto config = make_config(100, 4);
  config.max_num_seqs = 1;
  Stage stage(config);
  stage.submit(1, 4, 1);
  stage.submit(2);
  const auto granted = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(granted));

  const auto next = stage.propose();  // while the last token of the first is being sampled

  CHECK(next.releases == std::vector{granted.rows[0].sequence});
  REQUIRE(next.candidates.size() == 1);
  CHECK(next.candidates[0].admission->request == RequestId{2});
  CHECK(next.candidates[0].seat == 0);
  CHECK(stage.scheduler.statistics().num_departed == 1);
  const auto outcome = stage.scheduler.apply(sample_all(granted, kWord));
  REQUIRE(outcome.tokens.size() == 1);
  CHECK(outcome.tokens[0].finished == FinishReason::length);
  CHECK(stage.scheduler.statistics().num_departed == 0);
  CHECK(stage.scheduler.statistics().num_discarded_rows == 0);
}

TEST_CASE("one that has left early may still be cancelled, and is released once") {
  auto config = make_config(100, 4);
  config.max_num_seqs = 1;
  Stage stage(config);
  stage.submit(1, 4, 1);
  stage.submit(2);
  const auto granted = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(granted));

  stage.scheduler.cancel(RequestId{1});

  CHECK(stage.propose().releases.size() == 1);
  CHECK(stage.scheduler.apply(sample_all(granted, kWord)).tokens.empty());
  CHECK(stage.scheduler.statistics().num_departed == 0);
}

TEST_CASE("the model's length ends a request too") {
  auto config = make_config(100, 4);
  config.max_model_len = 5;
  Stage stage(config);
  stage.submit(1, 4, 10);

  CHECK(stage.turn().tokens[0].finished == FinishReason::length);
}

TEST_CASE("a sequence that turns out to have stopped has one discarded row") {
  Stage stage;
  stage.submit(1);
  const auto first = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(first));
  const auto second = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(second));

  const auto end = stage.scheduler.apply(sample_all(first, kEnd));
  const auto stale = stage.scheduler.apply(sample_all(second, kWord));

  CHECK(end.tokens[0].finished == FinishReason::stop);
  CHECK(end.tokens[0].stopped_by_token);
  CHECK(stale.tokens.empty());
  CHECK(stage.scheduler.statistics().num_discarded_rows == 1);
  CHECK(stage.scheduler.statistics().num_running == 0);
}

TEST_CASE("a seat is refilled in the very proposal that releases it") {
  auto config = make_config(100, 4);
  config.max_num_seqs = 1;
  Stage stage(config);
  stage.submit(1, 4, 1);
  stage.submit(2, 4, 1);
  static_cast<void>(stage.turn());

  const auto proposal = stage.propose();

  CHECK(proposal.releases.size() == 1);
  CHECK(requests_of(proposal) == std::vector<std::uint64_t>{2});
  CHECK(proposal.candidates[0].seat == 0);
}

TEST_CASE("after a grant that gave nothing, only a change brings the next proposal") {
  Stage stage;
  stage.submit(1);
  static_cast<void>(stage.scheduler.acknowledge(defer_all(stage.propose())));

  CHECK_FALSE(stage.scheduler.propose(stage.now));
  CHECK_FALSE(stage.scheduler.propose(stage.now));

  SUBCASE("an arrival") {
    stage.submit(2);
    CHECK(requests_of(stage.propose()) == std::vector<std::uint64_t>{2});
  }
}

TEST_CASE("a cancelled waiting request leaves without a word to memory") {
  Stage stage;
  stage.submit(1);

  stage.scheduler.cancel(RequestId{1});

  CHECK_FALSE(stage.scheduler.propose(stage.now));
  CHECK(stage.scheduler.statistics().num_waiting == 0);
}

TEST_CASE("a request cancelled while its admission is outstanding is released after the grant") {
  Stage stage;
  stage.submit(1);
  const auto proposal = stage.propose();
  stage.scheduler.cancel(RequestId{1});

  SUBCASE("granted") {
    const auto granted = grant_all(proposal);
    static_cast<void>(stage.scheduler.acknowledge(granted));
    CHECK(stage.propose().releases == std::vector{proposal.candidates[0].sequence});
    CHECK(stage.scheduler.apply(sample_all(granted, kWord)).tokens.empty());
    CHECK(stage.scheduler.statistics().num_discarded_rows == 1);
  }
  SUBCASE("deferred") {
    static_cast<void>(stage.scheduler.acknowledge(defer_all(proposal)));
    CHECK_FALSE(stage.scheduler.propose(stage.now));
  }
}

TEST_CASE("tokens that became known are told to memory once") {
  Stage stage;
  stage.submit(1);
  const auto admitted = stage.turn();

  const auto proposal = stage.propose();
  REQUIRE(proposal.known.size() == 1);
  CHECK(proposal.known[0].sequence == proposal.candidates[0].sequence);
  CHECK(proposal.known[0].token == admitted.tokens[0].token);
  static_cast<void>(stage.scheduler.acknowledge(grant_all(proposal)));

  CHECK(stage.propose().known.empty());
}

TEST_CASE("a result that comes before its grant is held until the grant has come") {
  Stage stage;
  stage.submit(1);
  const auto granted = grant_all(stage.propose());

  CHECK(stage.scheduler.apply(sample_all(granted, kWord)).tokens.empty());
  const auto outcome = stage.scheduler.acknowledge(granted);

  REQUIRE(outcome.tokens.size() == 1);
  CHECK(outcome.tokens[0].token == kWord);
}

TEST_CASE("a message of another ring, or one that comes twice, changes nothing") {
  Stage stage;
  stage.submit(1);
  const auto granted = grant_all(stage.propose());
  auto foreign = granted;
  foreign.ring = RingNumber{9};

  CHECK(stage.scheduler.acknowledge(foreign).tokens.empty());
  CHECK(stage.scheduler.statistics().num_running == 0);
  static_cast<void>(stage.scheduler.acknowledge(granted));
  static_cast<void>(stage.scheduler.acknowledge(granted));
  CHECK(stage.scheduler.apply(sample_all(foreign, kWord)).tokens.empty());
  CHECK(stage.scheduler.apply(sample_all(granted, kWord)).tokens.size() == 1);
  CHECK(stage.scheduler.apply(sample_all(granted, kWord)).tokens.empty());
}

TEST_CASE("a result that comes twice is not taken for that of the next step") {
  Stage stage;
  stage.submit(1);
  const auto first = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(first));
  static_cast<void>(stage.scheduler.apply(sample_all(first, kWord)));
  const auto second = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(second));

  CHECK(stage.scheduler.apply(sample_all(first, kWord)).tokens.empty());

  CHECK(stage.scheduler.apply(sample_all(second, kWord)).tokens.at(0).position == 5);
}

TEST_CASE("a new attempt replaces the old one, an old or doubled one changes nothing") {
  Stage stage;
  stage.submit(1);
  static_cast<void>(stage.turn());
  auto again = make_request(1, counting(4), 10);
  again.attempt = AttemptNumber{2};
  again.tokens.push_back(kWord);
  REQUIRE(stage.scheduler.enqueue(again));
  REQUIRE(stage.scheduler.enqueue(make_request(1, counting(4), 10)));
  REQUIRE(stage.scheduler.enqueue(again));

  const auto proposal = stage.propose();

  CHECK(proposal.releases.size() == 1);
  REQUIRE(proposal.candidates.size() == 1);
  CHECK(proposal.candidates[0].admission->tokens.size() == 5);
  const auto granted = grant_all(proposal);
  static_cast<void>(stage.scheduler.acknowledge(granted));
  CHECK(stage.scheduler.apply(sample_all(granted, kWord)).tokens.at(0).attempt == AttemptNumber{2});
}

TEST_CASE("an attempt that is enqueued twice goes on undisturbed") {
  Stage stage;
  stage.submit(1);
  static_cast<void>(stage.turn());

  stage.submit(1);

  const auto proposal = stage.propose();
  CHECK(proposal.releases.empty());
  REQUIRE(proposal.candidates.size() == 1);
  CHECK_FALSE(proposal.candidates[0].admission);
}

TEST_CASE("the queue refuses what is beyond its limit, but never a further attempt") {
  auto config = make_config(100, 4);
  config.max_num_queued_requests = 2;
  Stage stage(config);
  stage.submit(1);
  stage.submit(2);

  const auto refused = stage.scheduler.enqueue(make_request(3, counting(4), 10));
  auto further = make_request(4, counting(4), 10);
  further.attempt = AttemptNumber{2};

  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::queue_full);
  CHECK(refused.error().message == "2 requests wait, at most 2 may");
  CHECK(stage.scheduler.enqueue(further));
}

TEST_CASE("an answer that does not fit its proposal is a bug") {
  Stage stage;
  stage.submit(1);
  auto granted = grant_all(stage.propose());
  granted.rows[0].sequence = SequenceId{99};

  CHECK_THROWS_AS(static_cast<void>(stage.scheduler.acknowledge(granted)), InvariantViolation);
}

}  // namespace
}  // namespace troupe
