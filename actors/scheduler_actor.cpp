#include "actors/scheduler_actor.h"

#include <utility>

namespace troupe {
namespace {

using Self = caf::stateful_actor<SchedulerState>*;

// The next step goes out before anything else is done: the device must not wait for bookkeeping.
void advance(Self self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  state.tap.note([&](auto& recorder) { recorder.asked(now); });
  if (auto proposed = state.scheduler->propose(now)) {
    const auto proposal = std::make_shared<const StepProposal>(*std::move(proposed));
    self->send(state.parts.memory_manager, proposal);
    state.tap.note([&](auto& recorder) { recorder.proposed(*proposal); });
  }
  for (auto& rejection : state.scheduler->take_rejections()) {
    state.tap.note([&](auto& recorder) {
      recorder.refused(rejection.request, rejection.attempt, rejection.error.code);
    });
    self->send(state.parts.router,
               AttemptRefused{rejection.request, rejection.attempt, std::move(rejection.error)});
  }
}

EngineStatus current_load(const SchedulerState& state) {
  const auto statistics = state.scheduler->statistics();
  auto load = state.parts.status;
  load.num_running = statistics.num_running;
  load.num_waiting = statistics.num_waiting;
  return load;
}

void publish(Self self, StepOutcome outcome) {
  auto& state = self->state;
  if (!outcome.tokens.empty()) {
    self->send(state.parts.router, StepTokens{current_load(state), std::move(outcome.tokens)});
  }
  if (!outcome.cleared_suspects.empty()) {
    self->send(state.parts.engine, SuspectsCleared{std::move(outcome.cleared_suspects)});
  }
}

void remember_memory(SchedulerState& state, const StepGranted& granted) {
  if (granted.ring == state.parts.ring) {
    state.parts.status.num_free_blocks = granted.num_free_blocks;
    state.parts.status.num_cached_blocks = granted.num_cached_blocks;
  }
}

// A step is counted when its grant and its result are both in, whichever came first.
void count_steps(Self self) {
  auto& state = self->state;
  while (!state.granted.empty() && !state.results.empty()) {
    const auto& granted = *state.granted.front();
    const auto& result = *state.results.front();
    StepCounted counted;
    counted.load = current_load(state);
    counted.num_sequences = static_cast<std::int32_t>(granted.rows.size());
    for (const auto& row : granted.rows) {
      counted.num_tokens += row.end - row.begin;
    }
    counted.num_sampled = static_cast<std::int32_t>(result.tokens.size());
    counted.num_preempted = static_cast<std::int32_t>(granted.preempted.size());
    counted.device_time = result.device_time;
    self->send(state.parts.telemetry, std::move(counted));
    state.granted.pop_front();
    state.results.pop_front();
    if (!std::exchange(state.reported_first_step, true)) {
      self->send(state.parts.engine, StepCompleted{state.parts.ring});
    }
  }
}

void enqueue(Self self, EnqueueAttempt& attempt) {
  auto& state = self->state;
  const auto request = attempt.request.request;
  const auto number = attempt.request.attempt;
  state.tap.note([&](auto& recorder) { recorder.enqueued(attempt.request, self->clock().now()); });
  if (auto taken = state.scheduler->enqueue(std::move(attempt.request)); !taken) {
    state.tap.note([&](auto& recorder) { recorder.refused(request, number, taken.error().code); });
    self->send(state.parts.router, AttemptRefused{request, number, std::move(taken).error()});
  } else {
    self->send(state.parts.router, AttemptTaken{request, number});
    advance(self);
  }
  state.tap.hand_over(self);
}

void take_grant(Self self, const GrantedPtr& granted) {
  auto& state = self->state;
  state.tap.note([&](auto& recorder) { recorder.grant_arrived(*granted); });
  auto outcome = state.scheduler->acknowledge(*granted);
  remember_memory(state, *granted);
  advance(self);
  publish(self, std::move(outcome));
  if (granted->ring != state.parts.ring) {
    return;
  }
  if (granted->plan_sent) {
    state.granted.push_back(granted);
    count_steps(self);
  } else {
    const LoadReport report{current_load(state)};
    self->send(state.parts.router, report);
    self->send(state.parts.telemetry, report);
  }
}

void take_result(Self self, const ResultPtr& result) {
  auto& state = self->state;
  state.tap.note([&](auto& recorder) { recorder.result_arrived(*result); });
  auto outcome = state.scheduler->apply(*result);
  advance(self);
  publish(self, std::move(outcome));
  if (result->ring == state.parts.ring) {
    state.results.push_back(result);
    count_steps(self);
  }
}

}  // namespace

caf::behavior scheduler_actor(Self self, SchedulerParts parts) {
  set_house_rules(self, SchedulerState::name);
  auto& state = self->state;
  state.scheduler.emplace(parts.config, parts.ring, parts.suspects);
  state.tap = JournalTap(parts.journal, parts.ring);
  state.parts = std::move(parts);
  return {
      [self](EnqueueAttempt& attempt) { enqueue(self, attempt); },
      [self](const CancelAttempt& cancel) {
        self->state.tap.note([&](auto& recorder) { recorder.cancelled(cancel.request); });
        self->state.scheduler->cancel(cancel.request);
        advance(self);
        self->state.tap.hand_over(self);
      },
      [self](const GrantedPtr& granted) {
        take_grant(self, granted);
        self->state.tap.hand_over(self);
      },
      [self](const ResultPtr& result) {
        take_result(self, result);
        self->state.tap.hand_over(self);
      },
      [self](const JournalWritten& written) { self->state.tap.take_receipt(written); },
      [self](const JournalStopped&) { self->state.tap.stop(); },
      [self](const RouterChanged& changed) { self->state.parts.router = changed.router; },
  };
}

}  // namespace troupe
