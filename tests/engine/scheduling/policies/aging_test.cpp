#include "engine/scheduling/policies/aging.h"

#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

namespace troupe {
namespace {

using namespace policies;
using namespace std::chrono_literals;
using Stage = test::SchedulerStage;

constexpr std::int32_t kHighest = 3;

EngineConfig aging_config() {
  auto config = test::make_config(1000, 4);
  config.max_num_seqs = 2;
  config.scheduling.policy = SchedulingPolicy::aging;
  config.scheduling.aging_per_level = 100ns;
  return config;
}

Rank rank_of(std::uint64_t number, std::int32_t priority, TimePoint arrival) {
  Standing standing;
  standing.request = RequestId{number};
  standing.priority = priority;
  standing.arrival = arrival;
  return aging_rank(standing, aging_config().scheduling);
}

TEST_CASE("priority is earned by waiting, and asking twice changes nothing") {
  const auto config = aging_config().scheduling;
  const TimePoint arrival(1000ns);

  CHECK(earned_priority(2, arrival, arrival, config) == 2);
  CHECK(earned_priority(2, arrival, arrival + 99ns, config) == 2);
  CHECK(earned_priority(2, arrival, arrival + 100ns, config) == 3);
  CHECK(earned_priority(2, arrival, arrival + 100ns, config) == 3);
}

TEST_CASE(
    "whoever has waited out the bound is passed by nobody who comes later, to the nanosecond") {
  const auto config = aging_config().scheduling;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto priority = static_cast<std::int32_t>(random() % 7) - 3;
    const TimePoint arrival(Duration(random() % 10000));
    const auto bound = aging_bound(priority, kHighest, config);
    const auto low = rank_of(1, priority, arrival);

    CHECK(low < rank_of(2, kHighest, arrival + bound));
    CHECK(low < rank_of(2, kHighest, arrival + bound + 1ns));
    if (priority < kHighest) {
      CHECK(rank_of(2, kHighest, arrival + bound - 1ns) < low);
    }
  }
}

TEST_CASE("the order of the virtual arrivals is that of the earned priorities at every time") {
  const auto config = aging_config().scheduling;
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto any = [&] { return static_cast<std::int32_t>(random() % 7) - 3; };
    const auto first = any();
    const auto second = any();
    const TimePoint first_came(Duration(random() % 1000));
    const TimePoint second_came(Duration(random() % 1000));
    const auto now = std::max(first_came, second_came) + Duration(random() % 1000);
    const auto first_earned = earned_priority(first, first_came, now, config);
    const auto second_earned = earned_priority(second, second_came, now, config);

    if (first_earned > second_earned) {
      CHECK(rank_of(1, first, first_came) < rank_of(2, second, second_came));
    }
  }
}

// The adversary sees to it that two of the highest priority wait whenever the two seats fall free.
// Each request takes ten turns of 7 ns.
TEST_CASE("an adversary delays the lowest priority by the bound and what was there, not more") {
  for (std::int32_t priority = -kHighest; priority < kHighest; ++priority) {
    CAPTURE(priority);
    Stage stage(aging_config());
    std::uint64_t number = 0;
    const auto arrive = [&](std::int32_t level) {
      auto request = test::make_request(++number, test::counting(4), 10);
      request.priority = level;
      request.arrival = stage.now;
      REQUIRE(stage.scheduler.enqueue(request));
      return RequestId{number};
    };
    arrive(kHighest);
    arrive(kHighest);
    const auto victim = arrive(priority);
    const auto arrival = stage.now;
    const auto config = aging_config().scheduling;
    const auto bound = aging_bound(priority, kHighest, config);
    std::map<RequestId, TimePoint> arrivals;
    std::optional<TimePoint> served;
    while (!served) {
      REQUIRE(stage.now < arrival + 10000ns);
      if (stage.scheduler.statistics().num_waiting < 3) {
        arrivals[arrive(kHighest)] = stage.now;
      }
      for (const auto& candidate : stage.turn_and_tell().candidates) {
        if (candidate.admission && candidate.admission->request == victim) {
          served = stage.now;
        } else if (candidate.admission && !served) {
          CHECK(arrivals[candidate.admission->request] < arrival + bound);
        }
      }
      stage.now += 7ns;
    }

    CHECK(*served - arrival >= bound);  // not before: the adversary has his way until then
    // From then on only the two that were there already go before it, ten turns each.
    CHECK(*served - arrival <= bound + 20 * 7ns);
  }
}

TEST_CASE("a seat is taken only from one that is a whole level behind") {
  const auto config = aging_config().scheduling;
  const TimePoint arrival(500ns);

  CHECK_FALSE(aging_displaces(rank_of(1, 0, arrival), rank_of(2, 0, arrival + 99ns), config));
  CHECK(aging_displaces(rank_of(1, 0, arrival), rank_of(2, 0, arrival + 100ns), config));
  CHECK(aging_displaces(rank_of(1, 1, arrival), rank_of(2, 0, arrival), config));
}

}  // namespace
}  // namespace troupe
