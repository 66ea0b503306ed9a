#include "engine/scheduling/policies/batch.h"

#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace troupe {
namespace {

using Stage = test::SchedulerStage;
using test::requests_of;

EngineConfig static_config(SchedulingPolicy policy = SchedulingPolicy::static_batch) {
  auto config = test::make_config(1000, 4);
  config.max_num_seqs = 2;
  config.scheduling.policy = policy;
  return config;
}

TEST_CASE("nobody joins a static batch before all of it has ended") {
  Stage stage(static_config());
  stage.submit(1, 4, 2);
  stage.submit(2, 4, 5);
  stage.submit(3, 4, 2);
  std::vector<std::size_t> sizes;
  for (std::int32_t turn = 0; turn < 5; ++turn) {
    const auto proposal = stage.turn_and_tell();
    sizes.push_back(proposal.candidates.size());
    CHECK(std::ranges::none_of(proposal.candidates, [&](const Candidate& candidate) {
      return turn > 0 && candidate.admission;
    }));
  }

  CHECK(sizes == std::vector<std::size_t>{2, 2, 1, 1, 1});
  CHECK(requests_of(stage.propose()) == std::vector<std::uint64_t>{3});
}

TEST_CASE("a static batch forms before it decodes, in as many steps as its prompts take") {
  auto config = static_config();
  config.max_num_batched_tokens = 8;
  config.enable_prefix_caching = false;
  Stage stage(config);
  stage.submit(1, 8);
  stage.submit(2, 8);

  CHECK(requests_of(stage.turn_and_tell()) == std::vector<std::uint64_t>{1});
  CHECK(requests_of(stage.turn_and_tell()) == std::vector<std::uint64_t>{2});
  const auto decodes = stage.turn_and_tell();
  CHECK(decodes.candidates.size() == 2);
  CHECK(decodes.max_admission_tokens == 0);
}

TEST_CASE("a static batch has its whole memory from the start") {
  Stage stage(static_config());
  stage.submit(1, 4, 20);

  const auto proposal = stage.propose();

  CHECK(proposal.candidates.at(0).reserve == 23);
  CHECK(proposal.num_headroom_blocks == 0);
}

TEST_CASE("bucketed batches are of similar length") {
  Stage stage(static_config(SchedulingPolicy::static_bucketed));
  stage.submit(1, 4, 40);
  stage.submit(2, 4, 2);
  stage.submit(3, 4, 39);
  stage.submit(4, 4, 3);

  CHECK(requests_of(stage.turn_and_tell()) == std::vector<std::uint64_t>{2, 4});
}

}  // namespace
}  // namespace troupe
