#include "engine/scheduling/proposal_draft.h"

#include "engine/scheduling/limits.h"
#include "engine/step/chunking.h"

#include <algorithm>
#include <utility>

namespace troupe {

void ProposalDraft::compose(const MemoryEpochs& epochs,
                            std::int32_t company,
                            StepProposal& proposal,
                            Outstanding& outstanding) {
  epochs_ = epochs;
  company_ = company;
  proposal.max_admission_tokens = assign_running();
  choose_entrants(terms_of(proposal.max_admission_tokens));
  line_up(proposal, outstanding);
  if (!proposal.candidates.empty()) {
    add_victims(proposal);
  }
}

// Decodes first: each takes one token, and a long prefill never makes them wait. Returns what is
// left of the budget.
std::int32_t ProposalDraft::assign_running() {
  auto budget = config_.max_num_batched_tokens;
  bool any_prefill = false;
  for (auto* sequence : roster_.running()) {
    sequence->quota = 0;
    if (!may_grow(*sequence) || sequence->num_computable() == 0) {
      continue;
    }
    if (!sequence->decoding()) {
      any_prefill = true;
    } else if (budget > 0) {
      sequence->quota = 1;
      --budget;
    }
  }
  if (!any_prefill) {
    return budget;
  }
  for (auto* sequence : roster_.running()) {
    if (may_grow(*sequence) && !sequence->decoding()) {
      const auto begin = sequence->computed();
      sequence->quota =
          chunk_end(begin, sequence->num_assumed(), budget, config_.block_size) - begin;
      budget -= sequence->quota;
    }
  }
  return budget;
}

AdmissionTerms ProposalDraft::terms_of(std::int32_t budget) const {
  std::int32_t num_companions = 0;
  bool all_may_grow = true;
  for (const auto* sequence : roster_.running()) {
    if (in_company(*sequence)) {
      ++num_companions;
      all_may_grow = all_may_grow && may_grow(*sequence);
    }
  }
  AdmissionTerms terms;
  terms.epochs = epochs_;
  // Whoever entered now would take the blocks that a running sequence is short of.
  terms.num_seats = all_may_grow ? roster_.num_free_seats() : 0;
  terms.budget = budget;
  terms.num_running = num_companions;
  terms.cached = config_.enable_prefix_caching ? AdmissionTerms::CachedTokens::any
                                               : AdmissionTerms::CachedTokens::none;
  return terms;
}

// While suspects are here and everybody is on stage, they wait for a seat: nobody may take it.
void ProposalDraft::choose_entrants(const AdmissionTerms& terms) {
  entrants_.clear();
  if (company_ != kEverybody) {
    choose_suspects(terms);
  } else if (suspects_.first() == kEverybody) {
    choose_admissions(roster_.waiting(), terms, entrants_);
  }
}

void ProposalDraft::choose_suspects(const AdmissionTerms& terms) {
  if (terms.budget <= 0) {
    return;
  }
  for (const auto request : suspects_.members(company_)) {
    auto* sequence = roster_.find(request);
    if (sequence != nullptr && sequence->state() == SequenceState::waiting &&
        !must_wait(*sequence, terms) && may_grow(*sequence)) {
      sequence->quota = std::min(sequence->num_known(), terms.budget);
      entrants_.push_back(sequence);
    }
  }
  std::ranges::sort(entrants_, ByArrival{});
  entrants_.resize(std::min(entrants_.size(), static_cast<std::size_t>(terms.num_seats)));
}

void ProposalDraft::line_up(StepProposal& proposal, Outstanding& outstanding) {
  const auto& running = roster_.running();
  proposal.candidates.reserve(running.size() + entrants_.size());
  outstanding.candidates.reserve(running.size() + entrants_.size());
  const auto enter = [&](Sequence& sequence) {
    proposal.candidates.push_back(entrant(sequence));
    outstanding.candidates.push_back({&sequence, Entrance::admission});
  };
  auto next = entrants_.begin();
  for (auto* sequence : running) {
    for (; next != entrants_.end() && ByArrival{}(*next, sequence); ++next) {
      enter(**next);
    }
    if (sequence->quota > 0) {
      proposal.candidates.push_back(runner(*sequence));
      outstanding.candidates.push_back({sequence, Entrance::running});
      ++proposal.num_headroom_blocks;
    }
  }
  for (; next != entrants_.end(); ++next) {
    enter(**next);
  }
  for (const auto& proposed : outstanding.candidates) {
    Roster::pin(*proposed.sequence);
  }
}

Candidate ProposalDraft::entrant(Sequence& sequence) {
  if (!sequence.has_start()) {
    ++last_sequence_.value;
  }
  roster_.lend_seat(sequence);
  Candidate candidate;
  candidate.admission = sequence.start(last_sequence_, config_.eos_tokens);
  candidate.sequence = sequence.id();
  candidate.seat = sequence.seat;
  candidate.num_tokens = sequence.quota;
  candidate.known = sequence.num_known();
  candidate.reserve =
      sequence.num_preemptions() >= kMaxPreemptions ? sequence.max_computed() : candidate.known;
  return candidate;
}

Candidate ProposalDraft::runner(const Sequence& sequence) {
  Candidate candidate;
  candidate.sequence = sequence.id();
  candidate.seat = sequence.seat;
  candidate.begin = sequence.computed();
  candidate.num_tokens = sequence.quota;
  candidate.known = sequence.num_assumed();
  return candidate;
}

// The latest first. The oldest is never among them, so somebody always gets to his end; nor is one
// that was preempted too often. Where suspects run alone, those who pause give way before them,
// and all of them do if need be: the suspects' steps must not wait for them.
void ProposalDraft::add_victims(StepProposal& proposal) const {
  const auto& running = roster_.running();
  proposal.victims.reserve(running.size());
  if (company_ != kEverybody) {
    for (auto one = running.rbegin(); one != running.rend(); ++one) {
      if (!in_company(**one)) {
        proposal.victims.push_back((*one)->id());
      }
    }
  }
  const auto oldest =
      std::ranges::find_if(running, [&](const Sequence* one) { return in_company(*one); });
  if (oldest == running.end()) {
    return;
  }
  for (auto one = running.rbegin(); *one != *oldest; ++one) {
    if (in_company(**one) && (*one)->num_preemptions() < kMaxPreemptions) {
      proposal.victims.push_back((*one)->id());
    }
  }
}

}  // namespace troupe
