// The stations of a step as the scheduler passes them: proposal, grant, result. Who is proposed is
// composed elsewhere; here stands what became of it.
#include "engine/scheduling/scheduler.h"

#include "engine/base/check.h"
#include "engine/scheduling/admission.h"
#include "engine/scheduling/flight.h"
#include "engine/scheduling/length_limit.h"
#include "engine/scheduling/limits.h"
#include "engine/scheduling/proposal_draft.h"
#include "engine/scheduling/roster.h"
#include "engine/scheduling/sequence.h"
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
  StepNumber last_step;
  std::int32_t company = kEverybody;  // the group that has the stage to itself

  Result<void> enqueue(EnqueuedRequest request);
  void cancel(RequestId request);

  std::optional<StepProposal> propose(TimePoint now);
  bool choose_company();
  std::int32_t first_seated_group() const;

  StepOutcome acknowledge(const StepGranted& granted);
  std::vector<Sequence*> take_answers(const StepGranted& granted, Flight& flight);
  void take_grant(const Proposed& proposed, const GrantedRow& row, Flight& flight);
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
      roster(engine_config.max_num_seqs),
      suspects(std::move(suspect_groups)),
      draft(config, roster, suspects) {
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

std::optional<StepProposal> Scheduler::State::propose(TimePoint /*now*/) {
  if (outstanding || flights.size() >= kMaxStepsInFlight || !choose_company()) {
    return std::nullopt;
  }
  StepProposal proposal;
  if (!releases.empty()) {
    ++epochs.refused;
    ++epochs.released;
    proposal.releases.swap(releases);
  }
  outstanding.emplace();
  draft.compose(epochs, company, proposal, *outstanding);
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
  const auto admitted = take_answers(granted, flight);
  outstanding.reset();
  count_passes(roster.waiting(), epochs, admitted);
  for (const auto id : granted.preempted) {
    preempt(id);
  }
  TROUPE_CHECK(granted.plan_sent == !flight.rows.empty(), "rows without a plan, or a plan without");
  StepOutcome outcome;
  if (granted.plan_sent) {
    flights.push_back(std::move(flight));
    take_held_results(outcome);
  }
  return close(std::move(outcome));
}

// Rows and refusals come in the order of the candidates. A candidate that is in neither list was
// sacrificed, or found no tokens left in the budget. Returns who was admitted.
std::vector<Sequence*> Scheduler::State::take_answers(const StepGranted& granted, Flight& flight) {
  std::vector<Sequence*> admitted;
  auto row = granted.rows.begin();
  auto refused = granted.deferred.begin();
  for (const auto& proposed : outstanding->candidates) {
    auto& sequence = *proposed.sequence;
    const auto enters = proposed.entrance == Entrance::admission;
    if (row != granted.rows.end() && row->sequence == sequence.id()) {
      take_grant(proposed, *row++, flight);
      if (enters && sequence.state() == SequenceState::running) {
        admitted.push_back(&sequence);
      }
      continue;  // the pin passes to the row
    }
    if (refused != granted.deferred.end() && *refused == sequence.id()) {
      sequence.deferred_at = epochs.refused;
      ++refused;
    }
    if (enters) {
      roster.return_seat(sequence);
    }
    roster.unpin(sequence);
  }
  TROUPE_CHECK(row == granted.rows.end() && refused == granted.deferred.end(),
               "a grant for somebody who was no candidate");
  return admitted;
}

void Scheduler::State::take_grant(const Proposed& proposed, const GrantedRow& row, Flight& flight) {
  auto& sequence = *proposed.sequence;
  flight.rows.push_back(FlightRow{&sequence, row.sequence, row.samples});
  if (proposed.entrance == Entrance::admission) {
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
  return statistics;
}

}  // namespace troupe
