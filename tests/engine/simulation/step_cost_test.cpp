#include "engine/simulation/step_cost.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

namespace troupe::simulation {
namespace {

StepPlan plan_of(std::vector<PlanRow> rows) {
  StepPlan plan;
  plan.rows = std::move(rows);
  return plan;
}

FittedCost small_cost() {
  FittedCost cost;
  cost.dense = Curve({{1, 0.001}, {11, 0.002}});
  cost.seconds_per_context = Curve({{1, 1e-6}, {3, 3e-6}});
  cost.seconds_per_pair = 1e-6;
  cost.mixed_seconds = 0.5;
  return cost;
}

}  // namespace

TEST_CASE("a row of one token is a decode, a longer one a prefill with its pairs") {
  const auto shape = shape_of(plan_of({{0, 9, 10, true}, {1, 0, 4, true}, {2, 4, 8, false}}));

  CHECK(shape.num_decodes == 1);
  CHECK(shape.num_decode_context == 10);
  CHECK(shape.num_prefill_tokens == 8);
  // Both chunks together are a prompt of 8 tokens.
  CHECK(shape.num_prefill_pairs == doctest::Approx(whole_prompts(1, 8).num_prefill_pairs));
  CHECK(shape.num_tokens() == 9);
}

TEST_CASE("at equal step cost only an empty step is free") {
  const auto cost = equal_step_cost();

  CHECK(cost(StepShape{}) == Duration::zero());
  CHECK(cost(whole_prompts(1, 1)) == kUnitStep);
  CHECK(cost(whole_prompts(64, 5000)) == kUnitStep);
}

TEST_CASE("a curve is level before its first knot and goes on behind its last") {
  const Curve curve({{1, 10}, {2, 20}, {4, 20}, {5, 30}});

  CHECK(curve.at(0) == 10);
  CHECK(curve.at(1.5) == doctest::Approx(15));
  CHECK(curve.at(3) == doctest::Approx(20));
  CHECK(curve.at(7) == doctest::Approx(50));
  CHECK(Curve().at(3) == 0);
  CHECK(Curve({{2, 7}}).at(100) == 7);
}

TEST_CASE("a curve refuses knots that do not ascend") {
  CHECK_THROWS_AS(Curve({{1, 0}, {1, 2}}), InvariantViolation);
  CHECK_THROWS_AS(Curve({{2, 0}, {1, 2}}), InvariantViolation);
}

TEST_CASE("a fitted step costs its tokens, its context, its pairs, and more where it is mixed") {
  const auto cost = small_cost();

  StepShape decodes;
  decodes.num_decodes = 2;
  decodes.num_decode_context = 100;
  CHECK(seconds_of(cost, decodes) == doctest::Approx(0.0011 + 2e-6 * 100));

  const auto prompt = whole_prompts(1, 6);
  CHECK(seconds_of(cost, prompt) == doctest::Approx(0.0015 + 18e-6));

  auto mixed = prompt;
  mixed.num_decodes = 2;
  mixed.num_decode_context = 100;
  CHECK(seconds_of(cost, mixed) == doctest::Approx(0.0017 + 18e-6 + 200e-6 + 0.5));
  CHECK(seconds_of(cost, StepShape{}) == 0);
}

TEST_CASE("behind the widest batch measured a token of context costs what it did there") {
  const auto cost = small_cost();
  StepShape wide;
  wide.num_decodes = 11;
  wide.num_decode_context = 1000;

  CHECK(seconds_of(cost, wide) == doctest::Approx(0.002 + 3e-6 * 1000));
}

}  // namespace troupe::simulation
