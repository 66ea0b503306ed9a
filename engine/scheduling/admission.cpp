#include "engine/scheduling/admission.h"

#include "engine/scheduling/limits.h"
#include "engine/scheduling/token_budget.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace troupe {
namespace {

enum class SeatKind : std::uint8_t { none, free, taken };

/// Where the next entrant could sit.
struct Seating {
  const AdmissionTerms& terms;
  std::int32_t num_free = terms.num_seats;
  std::span<Sequence* const>::iterator next = terms.displaceable.begin();

  [[nodiscard]] bool outranks(const Sequence& entrant, const Sequence& runner) const {
    return terms.policy->displaces(entrant.rank, runner.rank, *terms.config);
  }

  [[nodiscard]] SeatKind seat_for(const Sequence& entrant) const {
    if (terms.held_back_runner != nullptr && !outranks(entrant, *terms.held_back_runner)) {
      return SeatKind::none;
    }
    if (num_free > 0) {
      return SeatKind::free;
    }
    return next != terms.displaceable.end() && outranks(entrant, **next) ? SeatKind::taken
                                                                         : SeatKind::none;
  }

  [[nodiscard]] Entrant seat(Sequence& entrant, SeatKind kind) {
    if (kind == SeatKind::free) {
      --num_free;
      return Entrant{&entrant, nullptr};
    }
    return Entrant{&entrant, *next++};
  }
};

}  // namespace

bool must_wait(const Sequence& sequence, const AdmissionTerms& terms) {
  const auto in_vain = sequence.preempted_at == terms.epochs.released && terms.num_running > 0;
  return in_vain || !sequence.settled();
}

std::int32_t first_chunk(const Sequence& sequence,
                         std::int32_t budget,
                         const SchedulingConfig& config) {
  return std::min(sequence.num_known(), capped(budget, config.long_prefill_token_threshold));
}

void choose_admissions(const WaitingQueue& waiting,
                       const AdmissionTerms& terms,
                       Admissions& chosen) {
  chosen.clear();
  Seating seating{terms};
  auto budget = terms.budget;
  auto may_pass = std::numeric_limits<std::int32_t>::max();
  WaitingQueue::Walk walk(waiting);
  for (auto* sequence = walk.next(); sequence != nullptr; sequence = walk.next()) {
    const auto kind = seating.seat_for(*sequence);
    if (kind == SeatKind::none || budget <= 0 || may_pass <= 0 || must_wait(*sequence, terms)) {
      return;
    }
    if (held_back(*sequence, terms.epochs)) {
      if (std::ssize(chosen.held_back) == kMaxHeldBack) {
        return;
      }
      chosen.held_back.push_back({sequence, chosen.entrants.size()});
    } else {
      sequence->quota = first_chunk(*sequence, budget, *terms.config);
      chosen.entrants.push_back(seating.seat(*sequence, kind));
      --may_pass;
      if (terms.cached == AdmissionTerms::CachedTokens::none) {
        budget -= sequence->quota;
      }
    }
    may_pass = std::min(may_pass, kMaxPasses - sequence->num_passes);
  }
}

void count_passes(const Admissions& chosen,
                  const MemoryEpochs& epochs,
                  const std::vector<bool>& admitted) {
  const auto count_behind = [&](Sequence& sequence, std::size_t first) {
    if (sequence.state() == SequenceState::waiting && held_back(sequence, epochs)) {
      const auto behind = admitted.begin() + static_cast<std::ptrdiff_t>(first);
      sequence.num_passes += static_cast<std::int32_t>(std::count(behind, admitted.end(), true));
    }
  };
  for (const auto& passed : chosen.held_back) {
    count_behind(*passed.sequence, passed.num_before);
  }
  for (std::size_t index = 0; index < chosen.entrants.size(); ++index) {
    count_behind(*chosen.entrants[index].sequence, index + 1);
  }
}

}  // namespace troupe
