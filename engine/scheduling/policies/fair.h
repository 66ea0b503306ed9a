// fair: the tenant who has been served least is next; among a tenant's requests by arrival. Virtual
// token counters (Sheng et al., Fairness in Serving Large Language Models, OSDI 2024): service is
// counted in tokens, a generated one for two; a tenant that was away comes back at the level of the
// least served one that is there, so nobody saves up. Seats are not taken from those who run.
//
// The bound: between two tenants who both have requests waiting, service differs by no more than
// what one batch and one longest prompt can hold.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/scheduling/policies/standing.h"

namespace troupe::policies {

inline constexpr std::int64_t kPrefillTokenWeight = 1;
inline constexpr std::int64_t kDecodeTokenWeight = 2;

[[nodiscard]] inline std::int64_t service_of(std::int64_t num_prefill_tokens,
                                             std::int64_t num_decode_tokens) {
  return kPrefillTokenWeight * num_prefill_tokens + kDecodeTokenWeight * num_decode_tokens;
}

[[nodiscard]] inline Rank fair_rank(const Standing& standing, const SchedulingConfig&) {
  return Rank{0, standing.tenant_service, standing.arrival, standing.request};
}

}  // namespace troupe::policies
