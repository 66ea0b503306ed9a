// deadline: the earliest first (Liu and Layland, 1973), those without one last. A waiting request
// takes the seat of a running one whose deadline is later. One that could not make it even if it
// began now is refused instead of keeping a seat from one that can.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/scheduling/policies/standing.h"

#include <cstdint>
#include <limits>

namespace troupe::policies {

[[nodiscard]] inline Rank deadline_rank(const Standing& standing, const SchedulingConfig&) {
  const auto order = standing.deadline ? standing.deadline->time_since_epoch().count()
                                       : std::numeric_limits<std::int64_t>::max();
  return Rank{0, order, standing.arrival, standing.request};
}

[[nodiscard]] inline bool deadline_displaces(const Rank& entrant,
                                             const Rank& runner,
                                             const SchedulingConfig&) {
  return entrant.order < runner.order;
}

/// How long a request needs at least, from its admission to its last token, at the pace that the
/// device has shown.
struct Pace {
  Duration per_prefill_token{};
  Duration per_decode_step{};
};

[[nodiscard]] inline Duration time_needed(const Standing& standing, const Pace& pace) {
  const auto num_output_tokens = standing.max_tokens - standing.num_prompt_tokens;
  return standing.num_prompt_tokens * pace.per_prefill_token +
         num_output_tokens * pace.per_decode_step;
}

[[nodiscard]] inline bool can_make_it(const Standing& standing, TimePoint now, const Pace& pace) {
  return !standing.deadline || now + time_needed(standing, pace) <= *standing.deadline;
}

}  // namespace troupe::policies
