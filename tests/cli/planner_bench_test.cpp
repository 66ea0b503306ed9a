#include "cli/planner_bench.h"

#include <doctest/doctest.h>

namespace troupe::cli {
namespace {

TEST_CASE("planning is measured under every policy, with a queue and a full cache") {
  for (const auto& [policy, name] : kPolicyNames) {
    CAPTURE(name);
    PlannerLoad load{4, 20, 500, 16, {}};
    load.scheduling.policy = policy;
    const auto cost = measure_planner(load);

    CHECK(cost.scheduler_us > 0);
    CHECK(cost.memory_us > 0);
  }
}

TEST_CASE("planning is measured with one sequence and nothing else") {
  const auto cost = measure_planner(PlannerLoad{1, 0, 0, 16, {}});

  CHECK(cost.scheduler_us > 0);
}

}  // namespace
}  // namespace troupe::cli
