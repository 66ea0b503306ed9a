#include "engine/scheduling/inquiry.h"

#include <algorithm>

namespace troupe {
namespace {

bool proposed(const Sequence& sequence, const Outstanding* outstanding) {
  return outstanding != nullptr &&
         std::ranges::any_of(outstanding->candidates,
                             [&](const auto& one) { return one.sequence == &sequence; });
}

bool passed_over(const Sequence& sequence, const Outstanding* outstanding) {
  return outstanding != nullptr &&
         std::ranges::any_of(outstanding->admissions.held_back,
                             [&](const auto& one) { return one.sequence == &sequence; });
}

Hindrance hindrance_of_runner(const Sequence& sequence, const ProposalDraft& draft) {
  if (!draft.in_company(sequence)) {
    return Hindrance::suspects;
  }
  if (held_back(sequence, draft.terms().epochs)) {
    return Hindrance::no_memory;
  }
  return sequence.num_computable() == 0 ? Hindrance::result_under_way : Hindrance::no_tokens;
}

/// How the queue looks from the place of one that waits.
struct View {
  std::int32_t num_before = 0;  // that are not proposed
  bool behind_halt = false;     // the choice ended before it came to this one
};

View view_from(const Sequence& sequence,
               const Roster& roster,
               const Halt& halt,
               const Outstanding* outstanding) {
  View view;
  WaitingQueue::Walk walk(roster.waiting());
  for (const auto* one = walk.next(); one != nullptr && one != &sequence; one = walk.next()) {
    view.num_before += proposed(*one, outstanding) ? 0 : 1;
    view.behind_halt =
        view.behind_halt || (halt.why != Hindrance::none && one->request() == halt.at);
  }
  return view;
}

void explain_waiting(const Sequence& sequence,
                     const View& view,
                     const ProposalDraft& draft,
                     Whereabouts& found) {
  const auto& halt = draft.halt();
  const auto stopped_here = halt.why != Hindrance::none && halt.at == sequence.request();
  if (stopped_here || view.behind_halt) {
    found.hindrance = halt.why;
    found.of = halt.short_runner;
    if (!found.of && view.behind_halt) {
      found.of = halt.at;
    }
  } else if (draft.only_suspects_enter()) {
    found.hindrance = Hindrance::suspects;
  } else if (draft.batch_closed()) {
    found.hindrance = Hindrance::closed_batch;
  }
}

}  // namespace

Whereabouts whereabouts_of(const Sequence& sequence,
                           const Roster& roster,
                           const ProposalDraft& draft,
                           const Outstanding* outstanding) {
  Whereabouts found;
  if (sequence.state() == SequenceState::running) {
    found.place = Place::running;
    if (!proposed(sequence, outstanding)) {
      found.hindrance = hindrance_of_runner(sequence, draft);
    }
    return found;
  }
  if (sequence.state() == SequenceState::departed) {
    found.place = Place::running;
    found.hindrance = Hindrance::result_under_way;
    return found;
  }
  found.place = Place::waiting;
  if (proposed(sequence, outstanding)) {
    return found;
  }
  const auto view = view_from(sequence, roster, draft.halt(), outstanding);
  found.place_in_queue = view.num_before + 1;
  if (passed_over(sequence, outstanding)) {
    found.hindrance = Hindrance::no_memory;
  } else {
    explain_waiting(sequence, view, draft, found);
  }
  return found;
}

}  // namespace troupe
