// fcfs: whoever came first runs first. The bound: nobody is passed by a later request, but for the
// few that slip by while memory holds him back (`kMaxPasses`).
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/scheduling/policies/standing.h"

namespace troupe::policies {

[[nodiscard]] inline Rank first_come_rank(const Standing& standing, const SchedulingConfig&) {
  return Rank{0, 0, standing.arrival, standing.request};
}

/// For policies under which nobody gives up his seat for another.
[[nodiscard]] inline bool never_displaces(const Rank&, const Rank&, const SchedulingConfig&) {
  return false;
}

/// For policies whose levels are classes: a higher one takes the seat of a lower one.
[[nodiscard]] inline bool displaces_by_level(const Rank& entrant,
                                             const Rank& runner,
                                             const SchedulingConfig&) {
  return entrant.level < runner.level;
}

}  // namespace troupe::policies
