#include "actors/engine_actor.h"

#include "actors/journal_actor.h"
#include "actors/memory_manager_actor.h"
#include "actors/scheduler_actor.h"
#include "actors/worker_actor.h"
#include "engine/base/log.h"
#include "engine/journal/recorder.h"

#include <utility>

namespace troupe {
namespace {

using Self = caf::stateful_actor<EngineActorState>*;

void spawn_worker(Self self) {
  auto& state = self->state;
  state.worker_ready = false;
  state.worker =
      state.parts.threads == ThreadMode::own_thread
          ? self->spawn<caf::detached>(worker_actor, state.parts.backend, caf::actor(self))
          : self->spawn(worker_actor, state.parts.backend, caf::actor(self));
  self->monitor(state.worker);
}

void spawn_journal(Self self) {
  auto& state = self->state;
  state.journal =
      state.parts.threads == ThreadMode::own_thread
          ? self->spawn<caf::detached>(journal_actor, state.parts.record, caf::actor(self))
          : self->spawn(journal_actor, state.parts.record, caf::actor(self));
}

// The two that hold the state of a ring are always made anew together.
void dismiss_ring(Self self) {
  auto& state = self->state;
  for (auto* actor : {&state.scheduler, &state.memory_manager}) {
    if (*actor) {
      self->demonitor(*actor);
      self->send_exit(*actor, caf::exit_reason::user_shutdown);
      *actor = nullptr;
    }
  }
}

// Sent before the stations exist: it stands before all that they record.
void record_ring(Self self, const MemoryConfig& memory) {
  const auto& state = self->state;
  if (!state.journal) {
    return;
  }
  journal::Recorder recorder(state.ring);
  recorder.ring_began({state.ring, state.parts.config, memory, state.suspects.groups()});
  self->send(state.journal,
             JournalBytes{std::make_shared<const std::string>(recorder.take_bytes())});
}

void begin_ring(Self self) {
  auto& state = self->state;
  const auto& parts = state.parts;
  ++state.ring.value;
  const auto& memory = state.memory;
  record_ring(self, memory);
  state.memory_manager = self->spawn(
      memory_manager_actor, MemoryManagerParts{parts.engine, state.ring, memory, state.worker,
                                               parts.telemetry, state.journal});
  self->monitor(state.memory_manager);
  SchedulerParts scheduler{
      state.status,     state.ring,           parts.config, state.suspects.groups(),
      caf::actor(self), state.memory_manager, parts.router, parts.telemetry,
      state.journal};
  state.scheduler = self->spawn(scheduler_actor, std::move(scheduler));
  self->monitor(state.scheduler);
  self->send(state.worker, BeginRing{state.ring, state.scheduler});
}

// Tells the router how the engine is.
void announce(Self self) {
  const auto& state = self->state;
  if (state.status.health == EngineHealth::healthy) {
    self->send(state.parts.router, EngineReady{state.status, state.scheduler});
  } else {
    self->send(state.parts.router,
               EngineDown{state.parts.engine, state.status.health, state.status.num_restarts});
  }
}

void ring_begun(Self self, const RingBegun& begun) {
  auto& state = self->state;
  if (begun.ring != state.ring || !state.scheduler) {
    return;
  }
  state.status.health = EngineHealth::healthy;
  announce(self);
  if (!std::exchange(state.started_before, true)) {
    self->send(state.parts.company, EngineStarted{state.parts.engine});
  }
}

void journal_opened(Self self, const JournalOpened& opened) {
  const auto& state = self->state;
  if (opened.outcome) {
    log::info("recording", {{"engine", state.parts.engine.value}, {"file", state.parts.record}});
    spawn_worker(self);
    return;
  }
  log::error("engine_cannot_start",
             {{"engine", state.parts.engine.value}, {"why", opened.outcome.error().message}});
  self->send(state.parts.company, EngineStartFailed{state.parts.engine, opened.outcome.error()});
}

void worker_ready(Self self, const WorkerReady& ready) {
  auto& state = self->state;
  if (!ready.description) {
    log::error("engine_cannot_start",
               {{"engine", state.parts.engine.value}, {"why", ready.description.error().message}});
    if (!state.started_before) {
      self->send(state.parts.company,
                 EngineStartFailed{state.parts.engine, ready.description.error()});
    }
    return;  // the worker's end follows, and with it the question whether to try again
  }
  state.worker_ready = true;
  auto& config = state.parts.config;
  config.num_blocks = ready.description->num_blocks;
  config.block_size = ready.description->block_size;
  state.memory = memory_config(*ready.description, config);
  state.status.num_total_blocks = config.num_blocks;
  state.status.num_free_blocks = config.num_blocks;
  state.status.num_cached_blocks = 0;
  begin_ring(self);
}

void give_up(Self self) {
  auto& state = self->state;
  log::error("engine_given_up", {{"engine", state.parts.engine.value}});
  state.status.health = EngineHealth::given_up;
  if (state.worker) {
    self->demonitor(state.worker);
    self->send_exit(state.worker, caf::exit_reason::user_shutdown);
    state.worker = nullptr;
    state.worker_ready = false;
  }
}

// The one way out of every failure: a new ring, on the old worker if it lives.
void lose_ring(Self self, const char* part) {
  auto& state = self->state;
  dismiss_ring(self);
  ++state.status.num_restarts;
  self->send(state.parts.telemetry, RestartCounted{part});
  if (state.budget->spend(self->clock().now())) {
    state.status.health = EngineHealth::restarting;
    log::warning(
        "engine_restarts",
        {{"engine", state.parts.engine.value}, {"part", part}, {"ring", state.ring.value + 1}});
  } else {
    give_up(self);
  }
  announce(self);
  if (state.status.health == EngineHealth::given_up) {
    return;
  }
  if (!state.worker) {
    spawn_worker(self);
  } else if (state.worker_ready) {
    begin_ring(self);
  }
}

void worker_failed(Self self, const WorkerFailed& failed) {
  auto& state = self->state;
  auto condemned = state.suspects.crashed(failed.requests);
  if (!condemned.empty()) {
    self->send(state.parts.router, CondemnRequests{std::move(condemned)});
  }
  if (!failed.worker_dies && failed.ring == state.ring && state.scheduler) {
    lose_ring(self, "worker");
  }
}

void part_died(Self self, const caf::down_msg& down) {
  auto& state = self->state;
  if (state.worker && down.source == state.worker.address()) {
    state.worker = nullptr;
    state.worker_ready = false;
    lose_ring(self, "worker");
  } else if (state.scheduler && down.source == state.scheduler.address()) {
    lose_ring(self, "scheduler");
  } else if (state.memory_manager && down.source == state.memory_manager.address()) {
    lose_ring(self, "memory_manager");
  }
}

void dismiss_everybody(Self self) {
  dismiss_ring(self);
  if (self->state.worker) {
    self->send_exit(self->state.worker, caf::exit_reason::user_shutdown);
  }
}

}  // namespace

caf::behavior engine_actor(Self self, EngineActorParts parts) {
  set_house_rules(self, EngineActorState::name);
  auto& state = self->state;
  state.budget.emplace(parts.restarts);
  state.status.engine = parts.engine;
  state.parts = std::move(parts);
  self->set_down_handler([self](const caf::down_msg& down) { part_died(self, down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    dismiss_everybody(self);
    self->quit(exit.reason);
  });
  self->set_exception_handler([self](std::exception_ptr& exception) {
    auto what = describe(exception);
    log::error("actor_failed", {{"actor", EngineActorState::name}, {"what", what}});
    dismiss_everybody(self);
    return caf::make_error(caf::sec::runtime_error, std::move(what));
  });
  if (self->state.parts.record.empty()) {
    spawn_worker(self);
  } else {
    spawn_journal(self);  // and then the worker
  }
  return {
      [self](const JournalOpened& opened) { journal_opened(self, opened); },
      [self](const JournalStopped&) { self->state.journal = nullptr; },
      [self](const WorkerReady& ready) { worker_ready(self, ready); },
      [self](const RingBegun& begun) { ring_begun(self, begun); },
      [self](const WorkerFailed& failed) { worker_failed(self, failed); },
      [self](const StepCompleted& completed) {
        if (completed.ring == self->state.ring) {
          self->state.budget->completed_step();
        }
      },
      [self](const SuspectsCleared& cleared) { self->state.suspects.clear(cleared.requests); },
      [self](const RouterChanged& changed) {
        auto& engine = self->state;
        engine.parts.router = changed.router;
        if (engine.scheduler) {
          self->send(engine.scheduler, changed);
        }
        announce(self);
      },
      [self](const WhoIsThere&) {
        const auto& engine = self->state;
        return EngineParts{engine.ring, engine.scheduler, engine.memory_manager, engine.worker};
      },
  };
}

}  // namespace troupe
