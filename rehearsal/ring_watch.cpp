#include "rehearsal/ring_watch.h"

#include "engine/scheduling/limits.h"

#include "rehearsal/violation.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace troupe::rehearsal {
namespace {

/// In a row, with nothing new to the scheduler in between.
constexpr std::int32_t kMaxEmptyTurns = 64;

std::string name_of(SequenceId sequence) {
  return "sequence " + std::to_string(sequence.value);
}

std::string name_of(RequestId request) {
  return "request " + std::to_string(request.value);
}

template <class Range, class Value>
bool contains(const Range& range, const Value& value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

}  // namespace

void RingWatch::proposed(std::shared_ptr<const StepProposal> proposal) {
  TROUPE_PROMISE(!outstanding_, "I10 steps in flight", "a second proposal before the grant");
  TROUPE_PROMISE(proposal->step > last_step_, "I10 steps in flight", "steps go back");
  TROUPE_PROMISE(in_flight_.size() < kMaxStepsInFlight, "I10 steps in flight",
                 "a third step is proposed");
  TROUPE_PROMISE(!proposal->candidates.empty() || !proposal->releases.empty(), "L4 silence",
                 "a turn of the ring that asks for nothing");
  outstanding_ = std::move(proposal);
  last_step_ = outstanding_->step;
  for (const auto sequence : outstanding_->releases) {
    TROUPE_PROMISE(members_.erase(sequence) == 1, "I7 freed once",
                   name_of(sequence) + " is released and has no seat");
  }
  for (const auto& one : outstanding_->candidates) {
    if (one.admission) {
      check_entrant(one);
    } else {
      check_runner(one);
    }
  }
  check_budget();
  check_seats();
  check_victims();
  check_order();
}

void RingWatch::check_runner(const Candidate& one) const {
  const auto found = members_.find(one.sequence);
  TROUPE_PROMISE(found != members_.end(), "I8 one state",
                 name_of(one.sequence) + " is to run on and has no seat");
  TROUPE_PROMISE(one.begin == found->second.computed && one.num_tokens > 0 &&
                     one.begin + one.num_tokens <= one.known && one.seat == found->second.seat,
                 "I5 contiguous positions",
                 name_of(one.sequence) + " is to compute from " + std::to_string(one.begin) +
                     " and has got to " + std::to_string(found->second.computed));
}

// Whoever comes back comes with all that it has got.
void RingWatch::check_entrant(const Candidate& one) const {
  const auto request = one.admission->request;
  const auto* client = audience_.find(request);
  TROUPE_PROMISE(client != nullptr, "I19 own tokens", name_of(request) + " is nobody's");
  const auto& tokens = one.admission->tokens;
  const auto& log = client->expected.log;
  TROUPE_PROMISE(!client->expected.refusal, "I11 refused at the door",
                 name_of(request) + " can never fit, and is to enter");
  TROUPE_PROMISE(
      tokens.size() <= log.size() && std::equal(tokens.begin(), tokens.end(), log.begin()),
      "I16 same tokens", name_of(request) + " enters with other tokens than it has");
  // When a router is lost, another engine may still have an attempt that nobody waits for.
  const auto attempt = attempts_.find(request);
  const auto is_current = attempt != attempts_.end() && attempt->second == client->last_attempt;
  const auto num_heard = client->expected.num_prompt_tokens + std::ssize(client->heard().tokens);
  TROUPE_PROMISE(!is_current || std::ssize(tokens) >= num_heard, "I16 same tokens",
                 name_of(request) + " enters without what its client has heard");
  TROUPE_PROMISE(one.begin == 0 && one.known == std::ssize(tokens), "I5 contiguous positions",
                 name_of(request) + " enters in the middle");
  for (const auto& [sequence, member] : members_) {
    TROUPE_PROMISE(member.request != request, "I8 one state", name_of(request) + " sits twice");
  }
}

void RingWatch::check_budget() const {
  std::int64_t num_tokens = 0;
  bool any_admission = false;
  for (const auto& one : outstanding_->candidates) {
    any_admission = any_admission || one.admission;
    num_tokens += one.admission ? 0 : one.num_tokens;
  }
  num_tokens += any_admission ? outstanding_->max_admission_tokens : 0;
  TROUPE_PROMISE(num_tokens <= play_.engine.max_num_batched_tokens, "I9 step budget",
                 std::to_string(num_tokens) + " tokens are proposed, a step takes " +
                     std::to_string(play_.engine.max_num_batched_tokens));
}

void RingWatch::check_seats() const {
  std::set<std::int32_t> seats;
  for (const auto& [sequence, member] : members_) {
    seats.insert(member.seat);
  }
  TROUPE_PROMISE(seats.size() == members_.size(), "I9 step budget", "two sequences on one seat");
  for (const auto& one : outstanding_->candidates) {
    TROUPE_PROMISE(one.seat >= 0 && one.seat < play_.engine.max_num_seqs, "I9 step budget",
                   "there is no seat " + std::to_string(one.seat));
    if (one.admission && !one.displaces) {
      TROUPE_PROMISE(seats.insert(one.seat).second, "I9 step budget",
                     name_of(one.sequence) + " is given a seat that is taken");
    }
  }
}

void RingWatch::check_victims() const {
  std::optional<std::pair<TimePoint, RequestId>> oldest;
  for (const auto& [sequence, member] : members_) {
    const std::pair key(audience_.find(member.request)->arrival, member.request);
    oldest = oldest ? std::min(*oldest, key) : key;
  }
  for (const auto victim : outstanding_->victims) {
    const auto found = members_.find(victim);
    TROUPE_PROMISE(found != members_.end(), "I8 one state",
                   name_of(victim) + " may be sacrificed and has no seat");
    TROUPE_PROMISE(suspicion_ == Suspicion::some || found->second.request != oldest->second,
                   "I13 the oldest stays", name_of(oldest->second) + " could be sacrificed");
  }
}

// Among those who enter, none stands before one that deserves more.
void RingWatch::check_order() {
  if (suspicion_ == Suspicion::some) {
    return;
  }
  const Client* before = nullptr;
  for (const auto& one : outstanding_->candidates) {
    if (one.admission) {
      const auto* client = audience_.find(one.admission->request);
      if (before != nullptr) {
        compare(*before, *client);
      }
      before = client;
    }
  }
}

void RingWatch::compare(const Client& before, const Client& behind) {
  const auto policy = play_.engine.scheduling.policy;
  const auto is_fixed = policy == SchedulingPolicy::fcfs || policy == SchedulingPolicy::priority ||
                        policy == SchedulingPolicy::aging || policy == SchedulingPolicy::deadline ||
                        policy == SchedulingPolicy::static_batch;
  TROUPE_PROMISE(
      !is_fixed || place_of(before) < place_of(behind), "I12 order of the policy",
      name_of(behind.id) + " deserves more than " + name_of(before.id) + " and stands behind it");
  const auto priority_of = [](const Client& one) { return one.planned->request.priority; };
  if (policy == SchedulingPolicy::priority || policy == SchedulingPolicy::aging) {
    sightings_.see(Sight::priorities_compared, priority_of(before) != priority_of(behind) ? 1 : 0);
    sightings_.see(Sight::aged_past_priority, priority_of(before) < priority_of(behind) ? 1 : 0);
  }
}

RingWatch::Place RingWatch::place_of(const Client& client) const {
  const auto& request = client.planned->request;
  const auto& scheduling = play_.engine.scheduling;
  std::int64_t order = 0;
  if (scheduling.policy == SchedulingPolicy::priority) {
    order = -request.priority;
  } else if (scheduling.policy == SchedulingPolicy::aging) {
    const auto virtually = client.arrival - request.priority * scheduling.aging_per_level;
    order = virtually.time_since_epoch().count();
  } else if (scheduling.policy == SchedulingPolicy::deadline) {
    order = request.deadline ? (client.arrival + *request.deadline).time_since_epoch().count()
                             : std::numeric_limits<std::int64_t>::max();
  }
  return {order, client.arrival, client.id};
}

const Candidate& RingWatch::candidate(SequenceId sequence) const {
  const auto found = std::ranges::find(outstanding_->candidates, sequence, &Candidate::sequence);
  TROUPE_PROMISE(found != outstanding_->candidates.end(), "I9 step budget",
                 name_of(sequence) + " is answered and did not ask");
  return *found;
}

void RingWatch::granted(const StepGranted& granted) {
  if (!outstanding_ || granted.step != outstanding_->step) {
    return;
  }
  TROUPE_PROMISE(granted.num_free_blocks <= play_.engine.num_blocks &&
                     granted.num_cached_blocks <= granted.num_free_blocks,
                 "I1 blocks conserved",
                 std::to_string(granted.num_free_blocks) + " free blocks, " +
                     std::to_string(granted.num_cached_blocks) + " of them cached");
  for (const auto sequence : granted.preempted) {
    lose(sequence);
  }
  std::int64_t num_tokens = 0;
  std::int64_t num_admission_tokens = 0;
  for (const auto& row : granted.rows) {
    TROUPE_PROMISE(!contains(granted.preempted, row.sequence), "I4 stale rows",
                   name_of(row.sequence) + " has lost its blocks and computes");
    take_row(row);
    num_tokens += row.end - row.begin;
    num_admission_tokens += candidate(row.sequence).admission ? row.end - row.begin : 0;
  }
  TROUPE_PROMISE(num_tokens <= play_.engine.max_num_batched_tokens &&
                     num_admission_tokens <= outstanding_->max_admission_tokens,
                 "I9 step budget", std::to_string(num_tokens) + " tokens are granted");
  sightings_.see(Sight::deferral, std::ssize(granted.deferred));
  sightings_.see(Sight::awaited_prefix, std::ssize(granted.awaiting));
  sightings_.see(Sight::empty_turn, granted.plan_sent ? 0 : 1);
  num_empty_turns_ = granted.plan_sent ? 0 : num_empty_turns_ + 1;
  TROUPE_PROMISE(num_empty_turns_ <= kMaxEmptyTurns, "L4 silence",
                 "the ring turns without computing anything");
  outstanding_.reset();
  came_anew_.clear();
  if (granted.plan_sent && early_results_.erase(granted.step) == 0) {
    in_flight_.insert(granted.step);
  }
}

void RingWatch::lose(SequenceId sequence) {
  const auto found = members_.find(sequence);
  TROUPE_PROMISE(found != members_.end(), "I8 one state",
                 name_of(sequence) + " is preempted and has no seat");
  const auto displaced = std::ranges::any_of(
      outstanding_->candidates, [&](const Candidate& one) { return one.displaces == sequence; });
  TROUPE_PROMISE(displaced || contains(outstanding_->victims, sequence), "I13 the oldest stays",
                 name_of(sequence) + " is preempted and was not offered");
  sightings_.see(displaced ? Sight::displacement : Sight::preemption);
  const auto count = ++num_preemptions_[found->second.request];
  TROUPE_PROMISE(count <= kMaxPreemptions || suspicion_ == Suspicion::some, "I13 the oldest stays",
                 name_of(found->second.request) + " is preempted for ever");
  members_.erase(found);
}

void RingWatch::take_row(const GrantedRow& row) {
  const auto& asked = candidate(row.sequence);
  TROUPE_PROMISE(row.begin >= asked.begin && row.begin < row.end &&
                     row.end - row.begin <= asked.num_tokens && row.end <= asked.known &&
                     row.samples == (row.end == asked.known),
                 "I9 step budget", name_of(row.sequence) + " is granted what it did not ask for");
  sightings_.see(Sight::chunked_prefill, row.samples ? 0 : 1);
  if (!asked.admission) {
    members_.at(row.sequence).computed = row.end;
    return;
  }
  sightings_.see(Sight::prefix_hit, row.begin > 0 ? 1 : 0);
  const auto request = asked.admission->request;
  members_[row.sequence] = Member{request, asked.seat, row.end};
  fresh_.erase(request);
  if (came_anew_.contains(request)) {
    unsure_.insert(request);
  } else {
    unsure_.erase(request);
  }
}

void RingWatch::planned(const StepPlan& plan) {
  TROUPE_PROMISE(plan.num_tokens() <= play_.engine.max_num_batched_tokens &&
                     std::ssize(plan.rows) <= play_.engine.max_num_seqs,
                 "I9 step budget",
                 "a plan of " + std::to_string(plan.rows.size()) + " rows and " +
                     std::to_string(plan.num_tokens()) + " tokens");
  sightings_.see(Sight::copy_on_write, std::ssize(plan.copies));
  sightings_.see(Sight::swap_out, std::ssize(plan.swaps_out));
  sightings_.see(Sight::swap_in, std::ssize(plan.swaps_in));
}

void RingWatch::computed(const StepResult& result) {
  num_empty_turns_ = 0;
  sightings_.see(Sight::step);
  sightings_.see(Sight::overlapped_step, in_flight_.size() > 1 ? 1 : 0);
  if (in_flight_.erase(result.step) == 0) {
    TROUPE_PROMISE(
        outstanding_ && outstanding_->step == result.step, "I10 steps in flight",
        "a result of step " + std::to_string(result.step.value) + ", which nobody waits for");
    early_results_.insert(result.step);
  }
}

void RingWatch::enqueued(RequestId request, AttemptNumber attempt, bool was_taken) {
  num_empty_turns_ = 0;
  const auto limit = play_.engine.max_num_queued_requests;
  auto* client = audience_.find(request);
  TROUPE_PROMISE(client != nullptr, "I19 own tokens", name_of(request) + " is nobody's");
  // Under the deadline policy some leave the queue unseen.
  const auto counts = attempt == AttemptNumber{1} && !client->expected.refusal &&
                      play_.engine.scheduling.policy != SchedulingPolicy::deadline;
  if (counts) {
    const auto num_fresh = std::ssize(fresh_);
    const auto may_be_full = num_fresh + std::ssize(unsure_) >= limit;
    TROUPE_PROMISE(was_taken ? num_fresh < limit : may_be_full, "I11 queue limit",
                   name_of(request) + (was_taken ? " is taken" : " is refused") + " while " +
                       std::to_string(num_fresh) + " wait, and " + std::to_string(limit) + " may");
  }
  if (was_taken || (attempt > AttemptNumber{1} && !client->expected.refusal)) {
    fresh_.insert(request);
    unsure_.erase(request);
    came_anew_.insert(request);
    attempts_[request] = attempt;
    client->last_attempt = std::max(client->last_attempt, attempt);
  }
}

void RingWatch::cancelled(RequestId request) {
  num_empty_turns_ = 0;
  fresh_.erase(request);
  unsure_.erase(request);
}

}  // namespace troupe::rehearsal
