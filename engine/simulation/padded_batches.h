// What a padded engine computes where this one has only the rows of those who still run: static
// batching as it is paid for. A batch is as wide as it began until its last member has ended, and
// each member's prompt is as long as the longest.
#pragma once

#include "engine/simulation/step_cost.h"
#include "engine/step/step.h"

#include <cstdint>
#include <vector>

namespace troupe::simulation {

/// Owned by one run under a static policy whose step budget holds all prompts of a batch: each
/// enters whole, most of them with the batch's first plan. Follows the plans in their order.
class PaddedBatches {
 public:
  /// The shape of the padded step that stands for `plan`.
  [[nodiscard]] StepShape shape_of(const StepPlan& plan);

  /// Tokens that the padded KV cache of the present batch holds.
  [[nodiscard]] std::int64_t num_stored_tokens() const { return width_ * length_; }

 private:
  [[nodiscard]] StepShape enter(const StepPlan& plan);

  bool decodes_ = false;             // the present batch has been formed
  std::vector<std::int32_t> seats_;  // of its members
  std::int64_t width_ = 0;
  std::int64_t length_ = 0;  // of each member: the longest prompt and what was generated
};

}  // namespace troupe::simulation
