// The scheduler after a crash: suspects run apart from everybody else.

#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

#include <vector>

namespace troupe {
namespace {

using Stage = test::SchedulerStage;
using test::grant_all;
using test::kWord;
using test::make_config;
using test::requests_of;
using test::sample_all;

TEST_CASE("suspects run alone, group by group, until each has got a token; then all run") {
  Stage stage(make_config(100, 4), {{RequestId{1}}, {RequestId{2}, RequestId{3}}});
  for (const std::uint64_t number : {4, 3, 2, 1}) {
    stage.submit(number);
  }

  const auto first = stage.turn();
  CHECK(first.tokens.size() == 1);
  CHECK(first.cleared_suspects == std::vector{RequestId{1}});
  const auto second = stage.turn();
  CHECK(second.cleared_suspects == std::vector{RequestId{2}, RequestId{3}});
  CHECK(second.tokens.size() == 2);
  const auto third = stage.turn();
  CHECK(third.tokens.size() == 4);
  CHECK(third.cleared_suspects.empty());
}

TEST_CASE("suspects wait until the device has finished the steps of others") {
  Stage stage(make_config(100, 4), {{RequestId{2}}});
  stage.submit(1);
  const auto others = grant_all(stage.propose());
  static_cast<void>(stage.scheduler.acknowledge(others));
  stage.submit(2);

  CHECK_FALSE(stage.scheduler.propose(stage.now));
  static_cast<void>(stage.scheduler.apply(sample_all(others, kWord)));

  CHECK(requests_of(stage.propose()) == std::vector<std::uint64_t>{2});
}

TEST_CASE("a suspect that is cancelled, or never comes, keeps nobody waiting") {
  Stage stage(make_config(100, 4), {{RequestId{1}}, {RequestId{2}}});
  stage.submit(2);
  stage.submit(3);

  stage.scheduler.cancel(RequestId{2});

  const auto proposal = stage.propose();
  CHECK(requests_of(proposal) == std::vector<std::uint64_t>{3});
  CHECK(stage.scheduler.acknowledge(grant_all(proposal)).cleared_suspects ==
        std::vector{RequestId{2}});
}

}  // namespace
}  // namespace troupe
