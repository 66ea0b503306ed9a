// The stations of a step as the scheduler passes them: proposal, grant, result. Who is proposed is
// composed elsewhere; here stands what became of it.
#include "engine/scheduling/scheduler.h"

#include "engine/base/check.h"
#include "engine/scheduling/admission.h"
#include "engine/scheduling/flight.h"
#include "engine/scheduling/inquiry.h"
#include "engine/scheduling/length_limit.h"
#include "engine/scheduling/limits.h"
#include "engine/scheduling/policies/deadline.h"
#include "engine/scheduling/proposal_draft.h"
#include "engine/scheduling/ranking.h"
#include "engine/scheduling/roster.h"
#include "engine/scheduling/sequence.h"
#include "engine/scheduling/step_pace.h"
#include "engine/scheduling/suspect_groups.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <string>
#include <utility>

namespace troupe {

struct Scheduler::State {
  State(const EngineConfig& engine_config,
        RingNumber ring_number,
        std::vector<std::vector<RequestId>> suspect_groups);

  EngineConfig config;
  RingNumber ring;
  Ranking ranking;
  Roster roster;
  SuspectGroups suspects;
  ProposalDraft draft;
  std::optional<Outstanding> outstanding;
  std::deque<Flight> flights;  // oldest first
  std::vector<SequenceId> releases;
  std::vector<KnownToken> known;
  std::vector<RequestId> cleared;
  std::vector<Rejection> rejections;
  SchedulerStatistics statistics;
  MemoryEpochs epochs;
  StepPace pace;
  TimePoint now;  // of the last proposal
  StepNumber last_step;
  std::int32_t company = kEverybody;  // the group that has the stage to itself

  Result<void> enqueue(EnqueuedRequest request);
  void cancel(RequestId request);

  std::optional<StepProposal> propose(TimePoint time);
  void refuse_the_hopeless();
  std::int32_t latency_tokens() const;
  bool choose_company();
  std::int32_t first_seated_group() const;

  StepOutcome acknowledge(const StepGranted& granted);
  void take_answers(const StepGranted& granted, const MemoryEpochs& asked_in, Flight& flight);
  void let_go_of_the_rest(const Flight& flight);
  void take_grant(const Proposed& proposed, const GrantedRow& row, Flight& flight);
  void leave_early(Sequence& sequence);
  void preempt(SequenceId id);

  StepOutcome apply(const StepResult& result);
  void land(const StepResult& result, StepOutcome& outcome);
  void take_token(const FlightRow& row, const SampledToken& sampled, StepOutcome& outcome);
  void take_held_results(StepOutcome& outcome);

  void end(Sequence& sequence);
  void clear_suspect(RequestId request);
  StepOutcome close(StepOutcome outcome);
};

Scheduler::State::State(const EngineConfig& engine_config,
                        RingNumber ring_number,
                        std::vector<std::vector<RequestId>> suspect_groups)
    : config(engine_config),
      ring(ring_number),
      ranking(engine_config.scheduling),
      roster(engine_config.max_num_seqs, ranking),
      suspects(std::move(suspect_groups)),
      draft(config, ranking.policy(), roster, suspects) {
  TROUPE_CHECK(config.max_num_seqs > 0 && config.max_num_batched_tokens > 0 &&
                   config.block_size > 0 && config.num_blocks > 0,
               "an engine without seats, tokens or blocks");
}

Result<void> Scheduler::State::enqueue(EnqueuedRequest request) {
  auto* older = roster.find(request.request);
  if (older != nullptr && older->attempt() >= request.attempt) {
    return {};  // late or doubled: the attempt that is live stays
  }
  const auto limit = length_limit(request, config);
  if (!limit) {
    return tl::unexpected<Error>(limit.error());
  }
  if (older != nullptr) {
    end(*older);
  }
  // A further attempt was let in before: an engine's restart must not turn it away.
  const auto num_new = roster.waiting().num_new();
  if (request.attempt <= AttemptNumber{1} && num_new >= config.max_num_queued_requests) {
    return fail(ErrorCode::queue_full, std::to_string(num_new) + " requests wait, at most " +
                                           std::to_string(config.max_num_queued_requests) + " may");
  }
  auto& sequence = roster.add(std::make_unique<Sequence>(std::move(request), *limit));
  sequence.group = suspects.arrive(sequence.request());
  return {};
}

void Scheduler::State::cancel(RequestId request) {
  clear_suspect(request);
  if (auto* sequence = roster.find(request)) {
    end(*sequence);
  }
}

// A seated sequence keeps its blocks until the next proposal. One whose admission is outstanding
// is looked after when the grant arrives.
void Scheduler::State::end(Sequence& sequence) {
  if (sequence.state() == SequenceState::running) {
    releases.push_back(sequence.id());
  }
  roster.end(sequence);
}

void Scheduler::State::clear_suspect(RequestId request) {
  if (suspects.clear(request)) {
    cleared.push_back(request);
  }
}

std::optional<StepProposal> Scheduler::State::propose(TimePoint time) {
  if (outstanding || flights.size() >= kMaxStepsInFlight) {
    return std::nullopt;
  }
  now = time;
  if (config.scheduling.policy == SchedulingPolicy::mlfq) {
    roster.promote_waiting(now);
  } else if (config.scheduling.policy == SchedulingPolicy::deadline) {
    refuse_the_hopeless();  // before the company is chosen: one of them may have had the stage
  }
  if (!choose_company()) {
    return std::nullopt;
  }
  roster.rank_running();
  StepProposal proposal;
  if (!releases.empty()) {
    ++epochs.refused;
    ++epochs.released;
    proposal.releases.swap(releases);
  }
  outstanding.emplace();
  draft.compose({epochs, company, latency_tokens()}, proposal, *outstanding);
  if (proposal.candidates.empty() && proposal.releases.empty()) {
    outstanding.reset();
    return std::nullopt;
  }
  ++last_step.value;
  outstanding->step = last_step;
  proposal.ring = ring;
  proposal.step = last_step;
  proposal.known.swap(known);
  return proposal;
}

// The most urgent stand first. One that was let in once is served to its end.
void Scheduler::State::refuse_the_hopeless() {
  for (auto* first = roster.waiting().first();
       first != nullptr && !first->admitted_before() &&
       !policies::can_make_it(first->standing, now, pace.pace());
       first = roster.waiting().first()) {
    const auto late =
        now + policies::time_needed(first->standing, pace.pace()) - *first->standing.deadline;
    const auto late_ms = std::chrono::ceil<std::chrono::milliseconds>(late).count();
    rejections.push_back(
        Rejection{first->request(), first->attempt(),
                  Error{ErrorCode::deadline_exceeded,
                        "the deadline cannot be met: even begun now, the answer would be " +
                            std::to_string(late_ms) + " ms late",
                        {}}});
    clear_suspect(first->request());
    end(*first);
  }
}

std::int32_t Scheduler::State::latency_tokens() const {
  const auto target = config.scheduling.target_inter_token_latency;
  const auto all = config.max_num_batched_tokens;
  return target ? pace.prefill_tokens_within(*target, all) : all;
}

// Suspects run alone: a step names nobody else, and their first one waits until the device has
// finished those of others. Whoever runs already keeps his seat and pauses. While no seat is free,
// it is the turn of suspects who have one, or else of everybody; nobody else is admitted meanwhile.
bool Scheduler::State::choose_company() {
  auto next = suspects.first();
  if (next != kEverybody && roster.num_free_seats() == 0) {
    next = first_seated_group();
  }
  if (next != company) {
    if (!flights.empty()) {
      return false;
    }
    company = next;
    ++epochs.refused;  // others may be sacrificed now
  }
  return true;
}

std::int32_t Scheduler::State::first_seated_group() const {
  auto first = kEverybody;
  for (const auto* sequence : roster.running()) {
    const auto is_suspect = suspects.suspected(sequence->request());
    if (is_suspect && (first == kEverybody || sequence->group < first)) {
      first = sequence->group;
    }
  }
  return first;
}

StepOutcome Scheduler::State::acknowledge(const StepGranted& granted) {
  if (granted.ring != ring || !outstanding || granted.step != outstanding->step) {
    return close({});
  }
  Flight flight;
  flight.step = granted.step;
  flight.result = std::move(outstanding->result);
  flight.rows.reserve(granted.rows.size());
  const auto asked_in = epochs;
  // First: an entrant may sit where one of these sat.
  for (const auto id : granted.preempted) {
    preempt(id);
  }
  take_answers(granted, asked_in, flight);
  outstanding.reset();
  TROUPE_CHECK(granted.plan_sent == !flight.rows.empty(), "rows without a plan, or a plan without");
  StepOutcome outcome;
  if (granted.plan_sent) {
    flights.push_back(std::move(flight));
    take_held_results(outcome);
  }
  return close(std::move(outcome));
}

// Rows and refusals come in the order of the candidates. A candidate that is in no list was
// sacrificed, or found no tokens left in the budget; one that awaits a prefix simply asks again.
void Scheduler::State::take_answers(const StepGranted& granted,
                                    const MemoryEpochs& asked_in,
                                    Flight& flight) {
  std::vector<bool> admitted;
  auto row = granted.rows.begin();
  auto refused = granted.deferred.begin();
  for (const auto& proposed : outstanding->candidates) {
    auto& sequence = *proposed.sequence;
    const auto granted_it = row != granted.rows.end() && row->sequence == sequence.id();
    if (granted_it) {
      take_grant(proposed, *row++, flight);  // the pin passes to the row
    } else if (refused != granted.deferred.end() && *refused == sequence.id()) {
      sequence.deferred_at = asked_in.refused;
      ++refused;
    }
    if (proposed.entrance == Entrance::admission) {
      admitted.push_back(granted_it && sequence.state() != SequenceState::ended);
    }
  }
  TROUPE_CHECK(row == granted.rows.end() && refused == granted.deferred.end(),
               "a grant for somebody who was no candidate");
  count_passes(outstanding->admissions, asked_in, admitted);
  let_go_of_the_rest(flight);
}

// Those that got nothing.
void Scheduler::State::let_go_of_the_rest(const Flight& flight) {
  auto row = flight.rows.begin();
  for (const auto& proposed : outstanding->candidates) {
    if (row != flight.rows.end() && row->sequence == proposed.sequence) {
      ++row;
      continue;
    }
    if (proposed.entrance == Entrance::admission) {
      if (proposed.seat == SeatOrigin::promised) {
        Roster::forget_promise(*proposed.sequence);
      } else {
        roster.return_seat(*proposed.sequence);
      }
    }
    roster.unpin(*proposed.sequence);
  }
  for (const auto& passed : outstanding->admissions.held_back) {
    roster.unpin(*passed.sequence);
  }
}

void Scheduler::State::take_grant(const Proposed& proposed, const GrantedRow& row, Flight& flight) {
  auto& sequence = *proposed.sequence;
  flight.rows.push_back(FlightRow{&sequence, row.sequence, row.samples});
  if (proposed.entrance == Entrance::admission) {
    if (proposed.seat == SeatOrigin::promised) {
      roster.claim_seat(sequence);
    }
    if (sequence.state() == SequenceState::ended) {
      releases.push_back(row.sequence);
      roster.return_seat(sequence);
    } else {
      roster.admit(sequence, row.begin);
    }
  }
  const auto num_tokens = row.end - row.begin;
  const auto decodes = proposed.entrance == Entrance::running && sequence.decoding();
  (decodes ? flight.num_decode_tokens : flight.num_prefill_tokens) += num_tokens;
  if (sequence.state() == SequenceState::running) {
    sequence.advance(row);
    roster.serve(sequence, decodes ? Service{0, num_tokens} : Service{num_tokens, 0}, now);
    leave_early(sequence);
  }
}

// An end by length is known beforehand: the next plan may already give seat and blocks away, since
// the device executes plans in their order. Where nobody waits for them they are kept until the
// last tokens are known, so that the block which those complete can be found by a follow-up.
void Scheduler::State::leave_early(Sequence& sequence) {
  if (sequence.fully_planned() && !roster.waiting().empty()) {
    releases.push_back(sequence.id());
    roster.depart(sequence);
  }
}

// Results of its earlier steps are still on their way, and count.
void Scheduler::State::preempt(SequenceId id) {
  ++epochs.refused;
  ++statistics.num_preemptions;
  std::erase_if(known, [id](const KnownToken& token) { return token.sequence == id; });
  if (auto* sequence = roster.find_running(id)) {
    sequence->preempted_at = epochs.released;
    roster.preempt(*sequence);
    return;
  }
  // It ended after the proposal was made: there is nothing left to release.
  const auto num_released = std::erase(releases, id);
  TROUPE_CHECK(num_released == 1,
               "sequence " + std::to_string(id.value) + " was preempted, but does not run");
}

StepOutcome Scheduler::State::apply(const StepResult& result) {
  StepOutcome outcome;
  if (result.ring != ring) {
    return close(std::move(outcome));
  }
  if (!flights.empty() && flights.front().step == result.step) {
    land(result, outcome);
    take_held_results(outcome);
    return close(std::move(outcome));
  }
  if (outstanding && outstanding->step == result.step) {
    outstanding->result = result;
  }
  for (auto& flight : flights) {
    if (flight.step == result.step) {
      flight.result = result;
    }
  }
  return close(std::move(outcome));
}

void Scheduler::State::take_held_results(StepOutcome& outcome) {
  while (!flights.empty() && flights.front().result) {
    const auto result = *std::move(flights.front().result);
    land(result, outcome);
  }
}

void Scheduler::State::land(const StepResult& result, StepOutcome& outcome) {
  const auto flight = std::move(flights.front());
  flights.pop_front();
  TROUPE_CHECK(std::ranges::count_if(flight.rows, &FlightRow::samples) == std::ssize(result.tokens),
               "step " + std::to_string(result.step.value) + " has other tokens than rows");
  ++statistics.num_steps;
  statistics.num_prefill_tokens += flight.num_prefill_tokens;
  statistics.num_decode_tokens += flight.num_decode_tokens;
  pace.observe(flight.num_prefill_tokens, flight.num_decode_tokens, result.device_time);
  outcome.tokens.reserve(outcome.tokens.size() + result.tokens.size());
  auto token = result.tokens.begin();
  for (const auto& row : flight.rows) {
    statistics.num_discarded_rows += row.sequence->state() == SequenceState::ended ? 1 : 0;
    if (row.samples) {
      take_token(row, *token++, outcome);
    }
    roster.unpin(*row.sequence);
  }
}

void Scheduler::State::take_token(const FlightRow& row,
                                  const SampledToken& sampled,
                                  StepOutcome& outcome) {
  TROUPE_CHECK(sampled.sequence == row.id, "tokens do not follow the rows of their plan");
  auto& sequence = *row.sequence;
  if (sequence.state() == SequenceState::ended) {
    return;
  }
  outcome.tokens.push_back(sequence.take(sampled, config.eos_tokens));
  if (sequence.state() == SequenceState::running) {
    known.push_back(KnownToken{sequence.id(), sampled.token});
  }
  clear_suspect(sequence.request());
  if (outcome.tokens.back().finished) {
    end(sequence);
  }
}

StepOutcome Scheduler::State::close(StepOutcome outcome) {
  outcome.cleared_suspects.swap(cleared);
  return outcome;
}

Scheduler::Scheduler(const EngineConfig& config,
                     RingNumber ring,
                     std::vector<std::vector<RequestId>> suspect_groups)
    : state_(std::make_unique<State>(config, ring, std::move(suspect_groups))) {}

Scheduler::~Scheduler() = default;
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;

Result<void> Scheduler::enqueue(EnqueuedRequest request) {
  return state_->enqueue(std::move(request));
}

void Scheduler::cancel(RequestId request) {
  state_->cancel(request);
}

std::optional<StepProposal> Scheduler::propose(TimePoint now) {
  return state_->propose(now);
}

std::vector<Rejection> Scheduler::take_rejections() {
  return std::exchange(state_->rejections, {});
}

StepOutcome Scheduler::acknowledge(const StepGranted& granted) {
  return state_->acknowledge(granted);
}

StepOutcome Scheduler::apply(const StepResult& result) {
  return state_->apply(result);
}

SchedulerStatistics Scheduler::statistics() const {
  auto statistics = state_->statistics;
  statistics.num_waiting = state_->roster.waiting().size();
  statistics.num_running = static_cast<std::int32_t>(state_->roster.running().size());
  statistics.num_departed = state_->roster.num_departed();
  return statistics;
}

Whereabouts Scheduler::whereabouts(RequestId request) const {
  const auto* sequence = state_->roster.find(request);
  const auto* outstanding = state_->outstanding ? &*state_->outstanding : nullptr;
  return sequence == nullptr
             ? Whereabouts{}
             : whereabouts_of(*sequence, state_->roster, state_->draft, outstanding);
}

}  // namespace troupe
