#include "engine/scheduling/ranking.h"

#include "engine/scheduling/policies/fair.h"
#include "engine/scheduling/policies/mlfq.h"

namespace troupe {

void Ranking::enter(Sequence& sequence) {
  if (counts_service()) {
    sequence.tenant = ledger_.enter(sequence.tenant_name());
  }
  if (policy_.name == SchedulingPolicy::mlfq) {
    sequence.standing = policies::mlfq_join(sequence.standing, config_);
  }
  rank_waiting(sequence);
}

void Ranking::leave(const Sequence& sequence) {
  if (counts_service()) {
    ledger_.leave(sequence.tenant);
  }
}

void Ranking::serve(Sequence& sequence, Service service, TimePoint now) {
  if (counts_service()) {
    ledger_.charge(sequence.tenant,
                   policies::service_of(service.num_prefill_tokens, service.num_decode_tokens));
  } else if (policy_.name == SchedulingPolicy::mlfq) {
    sequence.standing = policies::mlfq_serve(
        sequence.standing, service.num_prefill_tokens + service.num_decode_tokens, now, config_);
  }
}

void Ranking::promote(Sequence& sequence, TimePoint now) const {
  sequence.standing = policies::mlfq_promote(sequence.standing, now);
  rank_waiting(sequence);
}

// The lanes of the queue keep what the tenants have been served.
void Ranking::rank_waiting(Sequence& sequence) const {
  sequence.standing.tenant_service = 0;
  sequence.rank = policy_.rank(sequence.standing, config_);
}

void Ranking::rank_running(Sequence& sequence) const {
  sequence.standing.tenant_service = service(sequence);
  sequence.rank = policy_.rank(sequence.standing, config_);
}

std::int64_t Ranking::service(const Sequence& sequence) const {
  return counts_service() ? ledger_.service(sequence.tenant) : 0;
}

}  // namespace troupe
