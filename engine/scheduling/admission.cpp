#include "engine/scheduling/admission.h"

#include "engine/scheduling/limits.h"

#include <algorithm>
#include <limits>

namespace troupe {

bool must_wait(const Sequence& sequence, const AdmissionTerms& terms) {
  const auto in_vain = sequence.preempted_at == terms.epochs.released && terms.num_running > 0;
  return in_vain || !sequence.settled();
}

void choose_admissions(const WaitingQueue& waiting,
                       const AdmissionTerms& terms,
                       std::vector<Sequence*>& chosen) {
  chosen.clear();
  auto seats = terms.num_seats;
  auto budget = terms.budget;
  auto may_pass = std::numeric_limits<std::int32_t>::max();
  std::int32_t num_held_back = 0;
  for (auto* sequence : waiting) {
    if (seats == 0 || budget <= 0 || may_pass <= 0 || must_wait(*sequence, terms)) {
      return;
    }
    if (held_back(*sequence, terms.epochs)) {
      if (++num_held_back > kMaxHeldBack) {
        return;
      }
    } else {
      sequence->quota = std::min(sequence->num_known(), budget);
      chosen.push_back(sequence);
      --seats;
      --may_pass;
      if (terms.cached == AdmissionTerms::CachedTokens::none) {
        budget -= sequence->quota;
      }
    }
    may_pass = std::min(may_pass, kMaxPasses - sequence->num_passes);
  }
}

void count_passes(const WaitingQueue& waiting,
                  const MemoryEpochs& epochs,
                  const std::vector<Sequence*>& admitted) {
  auto num_later = static_cast<std::int32_t>(admitted.size());
  auto later = admitted.begin();
  for (auto* sequence : waiting) {
    while (later != admitted.end() && ByArrival{}(*later, sequence)) {
      ++later;
      --num_later;
    }
    if (num_later == 0) {
      return;
    }
    if (held_back(*sequence, epochs)) {
      sequence->num_passes += num_later;
    }
  }
}

}  // namespace troupe
