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

  [[nodiscard]] bool gives_way(const Sequence& entrant) const {
    return terms.held_back_runner != nullptr && !outranks(entrant, *terms.held_back_runner);
  }

  [[nodiscard]] SeatKind seat_for(const Sequence& entrant) const {
    if (gives_way(entrant)) {
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

Hindrance own_hindrance(const Sequence& sequence, const AdmissionTerms& terms) {
  if (sequence.preempted_at == terms.epochs.released && terms.num_running > 0) {
    return Hindrance::preempted;
  }
  return sequence.settled() ? Hindrance::none : Hindrance::result_under_way;
}

std::int32_t first_chunk(const Sequence& sequence,
                         std::int32_t budget,
                         const SchedulingConfig& config) {
  return std::min(sequence.num_known(), capped(budget, config.long_prefill_token_threshold));
}

namespace {

// Of several reasons the one that will last the longest.
Halt halt_at(const Sequence& sequence,
             const Seating& seating,
             std::int32_t budget,
             std::int32_t may_pass) {
  Halt halt{own_hindrance(sequence, seating.terms), sequence.request(), {}};
  if (halt.why != Hindrance::none) {
    return halt;
  }
  if (seating.gives_way(sequence)) {
    halt.why = Hindrance::short_runner;
    halt.short_runner = seating.terms.held_back_runner->request();
  } else if (seating.seat_for(sequence) == SeatKind::none) {
    halt.why = Hindrance::no_seat;
  } else if (may_pass <= 0) {
    halt.why = Hindrance::enough_passed;
  } else if (budget <= 0) {
    halt.why = Hindrance::no_tokens;
  }
  return halt;
}

}  // namespace

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
    if (kind == SeatKind::none || budget <= 0 || may_pass <= 0 ||
        own_hindrance(*sequence, terms) != Hindrance::none) {
      chosen.halt = halt_at(*sequence, seating, budget, may_pass);
      return;
    }
    if (held_back(*sequence, terms.epochs)) {
      if (std::ssize(chosen.held_back) == kMaxHeldBack) {
        chosen.halt = {Hindrance::too_many_held, sequence->request(), {}};
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
