// What a device without arithmetic answers to a step.
#pragma once

#include "engine/base/time.h"
#include "engine/step/step.h"

namespace troupe::simulation {

/// The same token for every row that samples.
[[nodiscard]] inline StepResult answer_to(const StepGranted& granted,
                                          TokenId token,
                                          Duration device_time = {}) {
  StepResult result;
  result.ring = granted.ring;
  result.step = granted.step;
  result.device_time = device_time;
  result.tokens.reserve(granted.rows.size());
  for (const auto& row : granted.rows) {
    if (row.samples) {
      result.tokens.push_back(SampledToken{row.sequence, row.end, token, {}, {}});
    }
  }
  return result;
}

}  // namespace troupe::simulation
