#include "engine/scheduling/proposal_draft.h"

#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

#include <vector>

namespace troupe {
namespace {

using Stage = test::SchedulerStage;
using test::grant_all;
using test::make_config;

TEST_CASE("decodes take the budget first, then prefills under way, then admissions") {
  auto config = make_config(100, 4);
  config.max_num_batched_tokens = 10;
  config.enable_prefix_caching = false;
  Stage stage(config);
  stage.submit(1, 2);
  static_cast<void>(stage.turn());
  stage.submit(2, 30);
  static_cast<void>(stage.turn());
  stage.submit(3, 30);

  const auto proposal = stage.propose();

  REQUIRE(proposal.candidates.size() == 3);
  CHECK(proposal.candidates[0].num_tokens == 1);
  CHECK(proposal.candidates[1].begin == 9);
  CHECK(proposal.candidates[1].num_tokens == 7);
  CHECK(proposal.candidates[2].admission);
  CHECK(proposal.max_admission_tokens == 2);
}

TEST_CASE("those who run stand by arrival, and whoever enters stands behind them") {
  Stage stage;
  stage.submit(5);
  static_cast<void>(stage.turn());
  stage.submit(9);
  stage.submit(2);

  const auto proposal = stage.propose();

  REQUIRE(proposal.candidates.size() == 3);
  CHECK_FALSE(proposal.candidates[0].admission);
  CHECK(proposal.candidates[1].admission->request == RequestId{2});
  CHECK(proposal.candidates[2].admission->request == RequestId{9});
}

TEST_CASE("victims stand latest arrival first, and the oldest is never among them") {
  Stage stage;
  stage.submit(1);
  stage.submit(2);
  stage.submit(3);
  const auto admitted = stage.propose();
  const auto granted = grant_all(admitted);
  static_cast<void>(stage.scheduler.acknowledge(granted));

  const auto proposal = stage.propose();

  CHECK(proposal.victims ==
        std::vector{admitted.candidates[2].sequence, admitted.candidates[1].sequence});
}

TEST_CASE("nobody is admitted while a running sequence is short of blocks") {
  Stage stage;
  stage.submit(1);
  stage.submit(2);
  static_cast<void>(stage.turn());
  auto granted = grant_all(stage.propose());
  granted.deferred = {granted.rows[1].sequence};
  granted.rows.pop_back();
  static_cast<void>(stage.scheduler.acknowledge(granted));
  stage.submit(3);

  const auto proposal = stage.propose();

  REQUIRE(proposal.candidates.size() == 1);
  CHECK_FALSE(proposal.candidates[0].admission);
}

TEST_CASE("a chunk of a long prompt leaves whole blocks behind") {
  auto config = make_config(100, 4);
  config.max_num_batched_tokens = 10;
  config.enable_prefix_caching = false;
  Stage stage(config);
  stage.submit(1, 2);
  static_cast<void>(stage.turn());
  stage.submit(2, 30);
  static_cast<void>(stage.turn());

  const auto proposal = stage.propose();

  CHECK(proposal.candidates.at(1).begin == 9);
  CHECK((proposal.candidates.at(1).begin + proposal.candidates.at(1).num_tokens) % 4 == 0);
}

TEST_CASE("an admission leaves a block for each sequence that runs") {
  Stage stage;
  stage.submit(1);
  stage.submit(2);
  static_cast<void>(stage.turn());
  stage.submit(3);

  CHECK(stage.propose().num_headroom_blocks == 2);
}

TEST_CASE("where not all can decode in one step, they take turns") {
  auto config = make_config(100, 4);
  config.scheduling.max_decode_tokens = 2;
  Stage stage(config);
  for (std::uint64_t number = 1; number <= 3; ++number) {
    stage.submit(number);
  }
  const auto admitted = stage.turn_and_tell();
  std::vector<std::size_t> num_turns(3);
  for (std::int32_t turn = 0; turn < 6; ++turn) {
    const auto proposal = stage.turn_and_tell();
    REQUIRE(proposal.candidates.size() == 2);
    for (const auto& candidate : proposal.candidates) {
      for (std::size_t index = 0; index < 3; ++index) {
        num_turns[index] += candidate.sequence == admitted.candidates[index].sequence ? 1 : 0;
      }
    }
  }

  CHECK(num_turns == std::vector<std::size_t>{4, 4, 4});
}

TEST_CASE("a long prefill is cut at the threshold, so that several prompts share a step") {
  auto config = make_config(100, 4);
  config.scheduling.long_prefill_token_threshold = 8;
  Stage stage(config);
  stage.submit(1, 30);
  stage.submit(2, 30);
  const auto entering = stage.turn_and_tell();
  const auto under_way = stage.propose();

  for (const auto* proposal : {&entering, &under_way}) {
    REQUIRE(proposal->candidates.size() == 2);
    CHECK(proposal->candidates[0].num_tokens == 8);
    CHECK(proposal->candidates[1].num_tokens == 8);
  }
}

TEST_CASE("an admission leaves the watermark free beside those who run, and only then") {
  auto config = make_config(100, 4);
  config.scheduling.watermark = 0.25;
  Stage stage(config);
  stage.submit(1);
  CHECK(stage.turn_and_tell().num_headroom_blocks == 0);
  stage.submit(2);

  CHECK(stage.propose().num_headroom_blocks == 25);
}

TEST_CASE("guaranteed admissions ask for the blocks of their whole length, and leave no headroom") {
  auto config = make_config(100, 4);
  config.scheduling.admission = AdmissionMode::reserve;
  Stage stage(config);
  stage.submit(1, 4, 10);
  CHECK(stage.turn_and_tell().candidates.at(0).reserve == 13);
  stage.submit(2);

  CHECK(stage.propose().num_headroom_blocks == 0);
}

}  // namespace
}  // namespace troupe
