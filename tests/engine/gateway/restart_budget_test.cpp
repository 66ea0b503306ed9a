// When a supervisor stops to restart.
#include "engine/gateway/restart_budget.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

TimePoint at(int seconds) {
  return TimePoint(std::chrono::seconds(seconds));
}

}  // namespace

TEST_CASE("three restarts within a minute are granted, the fourth is not") {
  RestartBudget budget(RestartIntensity{});

  CHECK(budget.spend(at(0)));
  CHECK(budget.spend(at(1)));
  CHECK(budget.spend(at(2)));
  CHECK_FALSE(budget.spend(at(59)));
  CHECK(budget.spend(at(60)));
}

TEST_CASE("a completed step forgives what was spent before it") {
  RestartBudget budget(RestartIntensity{.max_restarts = 1, .window = std::chrono::seconds(60)});

  CHECK(budget.spend(at(0)));
  budget.completed_step();
  CHECK(budget.spend(at(1)));
  CHECK_FALSE(budget.spend(at(2)));
}

}  // namespace troupe
