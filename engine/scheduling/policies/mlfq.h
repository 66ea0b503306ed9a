// mlfq: short jobs first without knowing their lengths. Skip-join multi-level feedback queue (Wu et
// al., FastServe, 2023): a new request joins the first rung whose quantum covers its prompt, goes
// down a rung when it has used up the quantum, and up to the first when it has waited too long.
// Higher rungs take the seats of lower ones; on a rung, whoever was served longest ago is next.
//
// The bound: whoever waits is on the first rung after `mlfq_promote_after`.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/scheduling/policies/standing.h"

#include <algorithm>

namespace troupe::policies {

/// Tokens that a request may be served on a rung, its prefill included.
[[nodiscard]] inline std::int64_t mlfq_quantum(std::int32_t rung, const SchedulingConfig& config) {
  return std::int64_t{config.mlfq_first_quantum} << rung;
}

/// A new request skips the rungs that its prompt alone would use up.
[[nodiscard]] inline Standing mlfq_join(Standing standing, const SchedulingConfig& config) {
  const auto last = config.mlfq_num_rungs - 1;
  standing.rung = 0;
  while (standing.rung < last && mlfq_quantum(standing.rung, config) < standing.num_prompt_tokens) {
    ++standing.rung;
  }
  standing.rung_tokens = 0;
  standing.rung_since = standing.arrival;
  return standing;
}

[[nodiscard]] inline Standing mlfq_serve(Standing standing,
                                         std::int32_t num_tokens,
                                         TimePoint now,
                                         const SchedulingConfig& config) {
  standing.rung_tokens += num_tokens;
  standing.rung_since = now;
  if (standing.rung_tokens >= mlfq_quantum(standing.rung, config)) {
    standing.rung = std::min(standing.rung + 1, config.mlfq_num_rungs - 1);
    standing.rung_tokens = 0;
  }
  return standing;
}

/// Whether one that waits is to go up.
[[nodiscard]] inline bool mlfq_is_due(const Standing& standing,
                                      TimePoint now,
                                      const SchedulingConfig& config) {
  return standing.rung > 0 && now - standing.rung_since >= config.mlfq_promote_after;
}

[[nodiscard]] inline Standing mlfq_promote(Standing standing, TimePoint now) {
  standing.rung = 0;
  standing.rung_tokens = 0;
  standing.rung_since = now;
  return standing;
}

[[nodiscard]] inline Rank mlfq_rank(const Standing& standing, const SchedulingConfig&) {
  return Rank{standing.rung, standing.rung_since.time_since_epoch().count(), standing.arrival,
              standing.request};
}

}  // namespace troupe::policies
