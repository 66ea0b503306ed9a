#include "engine/simulation/step_cost.h"

#include "engine/base/check.h"

#include <algorithm>
#include <utility>

namespace troupe::simulation {
namespace {}  // namespace

StepShape shape_of(const StepPlan& plan) {
  StepShape shape;
  for (const auto& row : plan.rows) {
    const auto num_tokens = row.end - row.begin;
    if (num_tokens == 1) {
      ++shape.num_decodes;
      shape.num_decode_context += row.end;
    } else {
      shape.num_prefill_tokens += num_tokens;
      shape.num_prefill_pairs += 0.5 * (static_cast<double>(row.end) * row.end -
                                        static_cast<double>(row.begin) * row.begin);
    }
  }
  return shape;
}

StepShape whole_prompts(std::int64_t rows, std::int64_t length) {
  StepShape shape;
  shape.num_prefill_tokens = rows * length;
  shape.num_prefill_pairs =
      0.5 * static_cast<double>(rows) * static_cast<double>(length) * static_cast<double>(length);
  return shape;
}

StepCost equal_step_cost() {
  return
      [](const StepShape& shape) { return shape.num_tokens() > 0 ? kUnitStep : Duration::zero(); };
}

Curve::Curve(std::vector<Knot> knots) : knots_(std::move(knots)) {
  const auto ascends = [](const Knot& a, const Knot& b) { return a.x >= b.x; };
  TROUPE_CHECK(std::ranges::adjacent_find(knots_, ascends) == knots_.end(),
               "the knots of a curve do not ascend");
}

double Curve::at(double x) const {
  if (knots_.empty()) {
    return 0;
  }
  if (knots_.size() == 1 || x <= knots_.front().x) {
    return knots_.front().y;
  }
  auto right = std::ranges::upper_bound(knots_, x, {}, &Knot::x);
  if (right == knots_.end()) {
    --right;
  }
  const auto left = std::prev(right);
  const auto slope = (right->y - left->y) / (right->x - left->x);
  return left->y + slope * (x - left->x);
}

double seconds_of(const FittedCost& cost, const StepShape& shape) {
  if (shape.num_tokens() == 0) {
    return 0;
  }
  auto seconds = cost.dense.at(static_cast<double>(shape.num_tokens()));
  if (shape.num_decodes > 0) {
    // Behind the widest batch measured the cost of a token stays: it would fall below nothing.
    const auto& knots = cost.seconds_per_context.knots();
    const auto widest = knots.empty() ? 0.0 : knots.back().x;
    const auto batch = std::min(static_cast<double>(shape.num_decodes), widest);
    seconds += cost.seconds_per_context.at(batch) * static_cast<double>(shape.num_decode_context);
  }
  seconds += cost.seconds_per_pair * shape.num_prefill_pairs;
  if (shape.num_decodes > 0 && shape.num_prefill_tokens > 0) {
    seconds += cost.mixed_seconds;
  }
  return std::max(0.0, seconds);
}

StepCost fitted_step_cost(FittedCost cost) {
  return [cost = std::move(cost)](const StepShape& shape) {
    return from_seconds(seconds_of(cost, shape));
  };
}

}  // namespace troupe::simulation
