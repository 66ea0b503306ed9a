#include "engine/simulation/padded_batches.h"

#include <algorithm>

namespace troupe::simulation {

StepShape PaddedBatches::shape_of(const StepPlan& plan) {
  if (plan.rows.empty()) {
    return {};
  }
  if (!plan.seats_taken.empty()) {
    return enter(plan);
  }
  decodes_ = true;
  ++length_;
  StepShape shape;
  shape.num_decodes = width_;
  shape.num_decode_context = width_ * length_;
  return shape;
}

StepShape PaddedBatches::enter(const StepPlan& plan) {
  // Nobody leaves a batch while it forms, so a seat that is taken twice tells of a new one.
  const auto sits_here = [&](const SeatTaken& taken) {
    return std::ranges::find(seats_, taken.seat) != seats_.end();
  };
  if (decodes_ || std::ranges::any_of(plan.seats_taken, sits_here)) {
    seats_.clear();
    width_ = 0;
    length_ = 0;
    decodes_ = false;
  }
  for (const auto& taken : plan.seats_taken) {
    seats_.push_back(taken.seat);
  }
  for (const auto& row : plan.rows) {
    length_ = std::max<std::int64_t>(length_, row.end);
  }
  const auto num_entrants = static_cast<std::int64_t>(plan.rows.size());
  width_ += num_entrants;
  return whole_prompts(num_entrants, length_);
}

}  // namespace troupe::simulation
