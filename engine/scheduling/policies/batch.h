// static and static-bucketed: the baselines that continuous batching is measured against. A batch
// forms, runs until its last member has ended, and nobody joins it meanwhile. Bucketed, its members
// are of similar length: the queue stands by the length that a request may reach. No bound: a long
// request may starve behind short ones.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/scheduling/policies/standing.h"

namespace troupe::policies {

[[nodiscard]] inline Rank bucketed_rank(const Standing& standing, const SchedulingConfig&) {
  return Rank{0, standing.max_tokens, standing.arrival, standing.request};
}

}  // namespace troupe::policies
