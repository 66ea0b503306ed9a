#include "engine/scheduling/proposal_draft.h"

#include "engine/scheduling/limits.h"
#include "engine/step/chunking.h"

#include <algorithm>
#include <utility>

namespace troupe {

void ProposalDraft::compose(const DraftTerms& terms,
                            StepProposal& proposal,
                            Outstanding& outstanding) {
  terms_ = terms;
  look_round();
  proposal.max_admission_tokens = share_tokens();
  choose_entrants(admission_terms(proposal.max_admission_tokens), outstanding.admissions);
  halt_ = outstanding.admissions.halt;
  close_batch_when_formed(proposal, outstanding.admissions);
  line_up(proposal, outstanding);
  if (!proposal.candidates.empty()) {
    add_victims(proposal);
  }
}

void ProposalDraft::look_round() {
  decodes_.clear();
  prefills_.clear();
  yielding_.clear();
  oldest_ = nullptr;
  held_back_runner_ = nullptr;
  num_companions_ = 0;
  for (auto* sequence : roster_.running()) {
    sequence->quota = 0;
    if (!in_company(*sequence)) {
      continue;
    }
    ++num_companions_;
    oldest_ = oldest_ == nullptr ? sequence : std::min(oldest_, sequence, ByArrival{});
    if (!may_grow(*sequence)) {
      held_back_runner_ = held_back_runner_ == nullptr ? sequence : held_back_runner_;
    } else if (!sequence->decoding()) {
      prefills_.push_back(sequence);
    } else if (sequence->num_computable() > 0) {
      decodes_.push_back(sequence);
    }
  }
  const auto& running = roster_.running();
  for (auto one = running.rbegin(); one != running.rend(); ++one) {
    if (in_company(**one) && *one != oldest_ && (*one)->num_preemptions() < kMaxPreemptions) {
      yielding_.push_back(*one);
    }
  }
}

// Suspects displace nobody: who pauses gives way to them as it is.
std::span<Sequence* const> ProposalDraft::displaceable() const {
  return terms_.company == kEverybody ? yielding_ : std::span<Sequence* const>{};
}

// While a batch forms, all its members compute their prompts; then they decode in step.
bool ProposalDraft::batch_forms() const {
  return policy_.joining == Joining::new_batch && !batch_closed_;
}

// Returns what is left to admissions.
std::int32_t ProposalDraft::share_tokens() {
  if (roster_.running().empty()) {
    batch_closed_ = false;
  }
  const auto could_enter = !roster_.waiting().empty() && !batch_closed_ &&
                           (roster_.num_free_seats() > 0 || !displaceable().empty());
  const auto demand = could_enter || !prefills_.empty() ? PrefillDemand::some : PrefillDemand::none;
  const auto num_decodes = batch_forms() ? 0 : static_cast<std::int32_t>(decodes_.size());
  const auto budget = split_budget(config_.scheduling, config_.max_num_batched_tokens, num_decodes,
                                   demand, terms_.latency_tokens);
  assign_decodes(budget.decode_tokens);
  return assign_prefills(budget.prefill_tokens);
}

// Where not all can decode, they take turns.
void ProposalDraft::assign_decodes(std::int32_t num_tokens) {
  const auto count = decodes_.size();
  const auto num_served = static_cast<std::size_t>(num_tokens);
  if (num_served == count) {
    std::ranges::for_each(decodes_, [](Sequence* sequence) { sequence->quota = 1; });
    return;
  }
  for (std::size_t served = 0; served < num_served; ++served) {
    decodes_[(decode_turn_ + served) % count]->quota = 1;
  }
  decode_turn_ += num_served;
}

std::int32_t ProposalDraft::assign_prefills(std::int32_t num_tokens) {
  const auto threshold = config_.scheduling.long_prefill_token_threshold;
  for (auto* sequence : prefills_) {
    const auto begin = sequence->computed();
    const auto end = chunk_end(begin, sequence->num_assumed(), capped(num_tokens, threshold),
                               config_.block_size);
    sequence->quota = end - begin;
    num_tokens -= sequence->quota;
  }
  return num_tokens;
}

AdmissionTerms ProposalDraft::admission_terms(std::int32_t budget) const {
  AdmissionTerms terms;
  terms.policy = &policy_;
  terms.config = &config_.scheduling;
  terms.epochs = terms_.epochs;
  terms.num_seats = roster_.num_free_seats();
  terms.budget = budget;
  terms.num_running = num_companions_;
  terms.cached = config_.enable_prefix_caching ? AdmissionTerms::CachedTokens::any
                                               : AdmissionTerms::CachedTokens::none;
  terms.displaceable = displaceable();
  terms.held_back_runner = held_back_runner_;
  return terms;
}

// While suspects are here and everybody is on stage, they wait for a seat: nobody may take it.
void ProposalDraft::choose_entrants(const AdmissionTerms& terms, Admissions& admissions) {
  if (terms_.company != kEverybody) {
    choose_suspects(terms, admissions);
  } else if (!only_suspects_enter() && !batch_closed_) {
    choose_admissions(roster_.waiting(), terms, admissions);
  }
}

void ProposalDraft::choose_suspects(const AdmissionTerms& terms, Admissions& admissions) {
  if (terms.budget <= 0 || terms.held_back_runner != nullptr) {
    return;
  }
  auto& entrants = admissions.entrants;
  for (const auto request : suspects_.members(terms_.company)) {
    auto* sequence = roster_.find(request);
    if (sequence != nullptr && sequence->state() == SequenceState::waiting &&
        own_hindrance(*sequence, terms) == Hindrance::none && may_grow(*sequence)) {
      sequence->quota = first_chunk(*sequence, terms.budget, config_.scheduling);
      entrants.push_back(Entrant{sequence, nullptr});
    }
  }
  std::ranges::sort(entrants, ByRank{}, &Entrant::sequence);
  entrants.resize(std::min(entrants.size(), static_cast<std::size_t>(terms.num_seats)));
}

// The batch is complete when all its prompts are computed and nobody more can join: seats, memory
// or the queue are exhausted.
void ProposalDraft::close_batch_when_formed(StepProposal& proposal, const Admissions& admissions) {
  if (!batch_forms() || !prefills_.empty() || !admissions.entrants.empty() || decodes_.empty()) {
    return;
  }
  batch_closed_ = true;
  proposal.max_admission_tokens = 0;
  assign_decodes(
      std::min(static_cast<std::int32_t>(decodes_.size()),
               capped(config_.max_num_batched_tokens, config_.scheduling.max_decode_tokens)));
}

// The oldest first, whatever its rank: nobody can be short of blocks for ever because of those that
// may not be sacrificed.
void ProposalDraft::line_up(StepProposal& proposal, Outstanding& outstanding) {
  const auto& running = roster_.running();
  const auto& entrants = outstanding.admissions.entrants;
  proposal.candidates.reserve(running.size() + entrants.size());
  outstanding.candidates.reserve(running.size() + entrants.size());
  const auto runs = [&](Sequence* sequence) {
    if (sequence->quota > 0) {
      propose_runner(*sequence, proposal, outstanding);
    }
  };
  auto next = entrants.begin();
  const auto enter_while = [&](auto goes_before) {
    for (; next != entrants.end() && goes_before(next->sequence); ++next) {
      propose_entrant(*next, proposal, outstanding);
    }
  };
  if (oldest_ != nullptr) {
    enter_while([&](const Sequence* entrant) {
      return outranks(*entrant, *oldest_) && ByArrival{}(entrant, oldest_);
    });
    runs(oldest_);
  }
  for (auto* sequence : running) {
    enter_while([&](const Sequence* entrant) { return outranks(*entrant, *sequence); });
    if (sequence != oldest_) {
      runs(sequence);
    }
  }
  for (; next != entrants.end(); ++next) {
    propose_entrant(*next, proposal, outstanding);
  }
  proposal.num_headroom_blocks =
      headroom(static_cast<std::int32_t>(proposal.candidates.size() - entrants.size()));
  for (const auto& proposed : outstanding.candidates) {
    Roster::pin(*proposed.sequence);
  }
  if (proposal.candidates.empty()) {
    outstanding.admissions.clear();
  }
  for (const auto& passed : outstanding.admissions.held_back) {
    Roster::pin(*passed.sequence);
  }
}

bool ProposalDraft::outranks(const Sequence& entrant, const Sequence& runner) const {
  return policy_.displaces(entrant.rank, runner.rank, config_.scheduling);
}

void ProposalDraft::propose_entrant(const Entrant& entrant,
                                    StepProposal& proposal,
                                    Outstanding& outstanding) {
  auto& sequence = *entrant.sequence;
  auto origin = SeatOrigin::lent;
  if (entrant.displaced != nullptr) {
    origin = SeatOrigin::promised;
    Roster::promise_seat(sequence, *entrant.displaced);
  } else {
    roster_.lend_seat(sequence);
  }
  auto candidate = entrant_candidate(sequence);
  if (entrant.displaced != nullptr) {
    candidate.displaces = entrant.displaced->id();
  }
  proposal.candidates.push_back(std::move(candidate));
  outstanding.candidates.push_back({&sequence, Entrance::admission, origin});
}

void ProposalDraft::propose_runner(Sequence& sequence,
                                   StepProposal& proposal,
                                   Outstanding& outstanding) {
  Candidate candidate;
  candidate.sequence = sequence.id();
  candidate.seat = sequence.seat;
  candidate.begin = sequence.computed();
  candidate.num_tokens = sequence.quota;
  candidate.known = sequence.num_assumed();
  proposal.candidates.push_back(std::move(candidate));
  outstanding.candidates.push_back({&sequence, Entrance::running, SeatOrigin::lent});
}

Candidate ProposalDraft::entrant_candidate(Sequence& sequence) {
  if (!sequence.has_start()) {
    ++last_sequence_.value;
  }
  Candidate candidate;
  candidate.admission = sequence.start(last_sequence_, config_.eos_tokens);
  candidate.sequence = sequence.id();
  candidate.seat = sequence.seat;
  candidate.num_tokens = sequence.quota;
  candidate.known = sequence.num_known();
  candidate.reserve = reserves_all(sequence) ? sequence.max_computed() : candidate.known;
  return candidate;
}

// A static engine gives a batch all the memory that it could need.
bool ProposalDraft::reserves_all(const Sequence& sequence) const {
  return config_.scheduling.admission == AdmissionMode::reserve ||
         policy_.joining == Joining::new_batch || sequence.num_preemptions() >= kMaxPreemptions;
}

// Those that run must be able to grow. Where everybody's blocks are reserved, they need none.
std::int32_t ProposalDraft::headroom(std::int32_t num_runners) const {
  if (num_companions_ == 0 || config_.scheduling.admission == AdmissionMode::reserve ||
      policy_.joining == Joining::new_batch) {
    return 0;
  }
  const auto watermark =
      static_cast<std::int32_t>(config_.scheduling.watermark * config_.num_blocks);
  return std::max(num_runners, watermark);
}

// The least deserving first. The oldest is never among them, so somebody always gets to his end;
// nor is one that was preempted too often. Where suspects run alone, those who pause give way
// before them, and all of them do if need be: the suspects' steps must not wait for them.
void ProposalDraft::add_victims(StepProposal& proposal) const {
  const auto& running = roster_.running();
  proposal.victims.reserve(running.size());
  if (terms_.company != kEverybody) {
    for (auto one = running.rbegin(); one != running.rend(); ++one) {
      if (!in_company(**one)) {
        proposal.victims.push_back((*one)->id());
      }
    }
  }
  for (const auto* one : yielding_) {
    proposal.victims.push_back(one->id());
  }
}

}  // namespace troupe
