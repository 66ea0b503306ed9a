// aging: by priority, but each `aging_per_level` of waiting is worth one level. All who wait age at
// the same speed, so the order of two requests never changes: it is that of their virtual arrivals,
// arrival − priority · aging_per_level. (Virtual time in this sense: L. Zhang, VirtualClock, 1990.)
//
// The bound: a request of priority p that has waited W(p) = (highest − p) · aging_per_level is
// never passed by one that arrives later, whatever arrives and however often; and it may take the
// seat of any running request whose virtual arrival is a level or more behind its own. So it waits
// W(p) at most, and then for those alone that were there before.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/scheduling/policies/standing.h"

namespace troupe::policies {

[[nodiscard]] inline TimePoint virtual_arrival(std::int32_t priority,
                                               TimePoint arrival,
                                               const SchedulingConfig& config) {
  return arrival - priority * config.aging_per_level;
}

/// The levels earned by `now`, the given one included. Two requests compare by it as they do by
/// their virtual arrivals, up to the fraction of a level that is cut off here.
[[nodiscard]] inline std::int64_t earned_priority(std::int32_t priority,
                                                  TimePoint arrival,
                                                  TimePoint now,
                                                  const SchedulingConfig& config) {
  return priority + (now - arrival) / config.aging_per_level;
}

/// W(priority): having waited so long, a request is passed by nobody who arrives later, when none
/// has a higher priority than `highest`.
[[nodiscard]] inline Duration aging_bound(std::int32_t priority,
                                          std::int32_t highest,
                                          const SchedulingConfig& config) {
  return (highest - priority) * config.aging_per_level;
}

[[nodiscard]] inline Rank aging_rank(const Standing& standing, const SchedulingConfig& config) {
  const auto virtually = virtual_arrival(standing.priority, standing.arrival, config);
  return Rank{0, virtually.time_since_epoch().count(), standing.arrival, standing.request};
}

/// A whole level apart, so that equals do not chase each other from their seats.
[[nodiscard]] inline bool aging_displaces(const Rank& entrant,
                                          const Rank& runner,
                                          const SchedulingConfig& config) {
  return runner.order - entrant.order >= config.aging_per_level.count();
}

}  // namespace troupe::policies
