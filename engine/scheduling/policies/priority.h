// priority: the highest first, among equals by arrival, then by request. A waiting request takes
// the seat of a running one of lower priority at once. No bound: the lowest may starve; see aging.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/scheduling/policies/standing.h"

namespace troupe::policies {

[[nodiscard]] inline Rank priority_rank(const Standing& standing, const SchedulingConfig&) {
  return Rank{-std::int64_t{standing.priority}, 0, standing.arrival, standing.request};
}

}  // namespace troupe::policies
