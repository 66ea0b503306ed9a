// A policy as a row of pure functions. The scheduler asks them, and keeps the facts.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/scheduling/policies/standing.h"

#include <cstdint>

namespace troupe {

/// When waiting requests may join those who run.
enum class Joining : std::uint8_t {
  any_time,   // continuous batching
  new_batch,  // when all of the batch before have ended
};

struct Policy {
  SchedulingPolicy name = SchedulingPolicy::fcfs;
  Rank (*rank)(const Standing&, const SchedulingConfig&) = nullptr;
  /// Whether a waiting request may take the seat, or the blocks, of a running one. Who may not
  /// stands behind it. Of two runners, whoever may take from the better ranked may from the other.
  bool (*displaces)(const Rank& entrant, const Rank& runner, const SchedulingConfig&) = nullptr;
  Joining joining = Joining::any_time;
};

[[nodiscard]] const Policy& policy_of(SchedulingPolicy name);

/// Whether requests of unlike priority are treated unlike.
[[nodiscard]] constexpr bool heeds_priority(SchedulingPolicy name) {
  return name == SchedulingPolicy::priority || name == SchedulingPolicy::aging;
}

}  // namespace troupe
