#include "engine/scheduling/policies/deadline.h"

#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using Stage = test::SchedulerStage;
using test::requests_of;

EngineConfig deadline_config() {
  auto config = test::make_config(1000, 4);
  config.max_num_seqs = 2;
  config.scheduling.policy = SchedulingPolicy::deadline;
  return config;
}

void submit(Stage& stage, std::uint64_t number, std::optional<Duration> deadline) {
  auto request = test::make_request(number, test::counting(4), 10);
  if (deadline) {
    request.deadline = TimePoint(*deadline);
  }
  REQUIRE(stage.scheduler.enqueue(std::move(request)));
}

TEST_CASE("the earliest deadline goes first, those without one last") {
  auto config = deadline_config();
  config.max_num_seqs = 8;
  Stage stage(config);
  submit(stage, 1, std::nullopt);
  submit(stage, 2, 300ns);
  submit(stage, 3, 200ns);

  CHECK(requests_of(stage.propose()) == std::vector<std::uint64_t>{3, 2, 1});
}

TEST_CASE("an urgent request takes the seat of one that has time, but not of the oldest") {
  Stage stage(deadline_config());
  submit(stage, 1, 1s);
  submit(stage, 2, 1s);
  static_cast<void>(stage.turn());
  submit(stage, 3, 1ms);

  const auto proposal = stage.propose();

  REQUIRE(proposal.candidates.size() == 3);
  CHECK(proposal.candidates[1].admission->request == RequestId{3});
  CHECK(proposal.candidates[1].displaces == proposal.candidates[2].sequence);
}

TEST_CASE("a request whose deadline has passed is refused, not served in vain") {
  Stage stage(deadline_config());
  submit(stage, 1, 100ns);
  submit(stage, 2, std::nullopt);
  stage.now = TimePoint(101ns);

  CHECK(requests_of(stage.propose()) == std::vector<std::uint64_t>{2});

  const auto rejections = stage.scheduler.take_rejections();
  REQUIRE(rejections.size() == 1);
  CHECK(rejections[0].request == RequestId{1});
  CHECK(rejections[0].attempt == AttemptNumber{1});
  CHECK(rejections[0].error.code == ErrorCode::deadline_exceeded);
  CHECK(stage.scheduler.take_rejections().empty());
  CHECK(stage.scheduler.statistics().num_waiting == 1);
}

TEST_CASE("one that cannot make it at the pace of the device is refused while there is time") {
  Standing standing;
  standing.num_prompt_tokens = 100;
  standing.max_tokens = 110;
  standing.deadline = TimePoint(1000ns);
  const policies::Pace pace{2ns, 30ns};  // 200 ns of prefill, 300 ns of decoding

  CHECK(policies::can_make_it(standing, TimePoint(500ns), pace));
  CHECK_FALSE(policies::can_make_it(standing, TimePoint(501ns), pace));
  standing.deadline.reset();
  CHECK(policies::can_make_it(standing, TimePoint(9999ns), pace));
}

TEST_CASE("one that was let in is served to its end, however late") {
  Stage stage(deadline_config());
  submit(stage, 1, 100ns);
  static_cast<void>(stage.turn());
  stage.now = TimePoint(500ns);

  CHECK(stage.turn().tokens.size() == 1);
  CHECK(stage.scheduler.take_rejections().empty());
}

}  // namespace
}  // namespace troupe
