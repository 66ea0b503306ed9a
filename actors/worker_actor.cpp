#include "actors/worker_actor.h"

#include "engine/base/log.h"

#include <utility>

namespace troupe {
namespace {

using Self = caf::stateful_actor<WorkerState>*;

std::vector<RequestId> requests_of(const StepPlan& plan, const WorkerState& state) {
  std::vector<RequestId> requests;
  for (const auto& row : plan.rows) {
    if (const auto found = state.seats.find(row.seat); found != state.seats.end()) {
      requests.push_back(found->second);
    }
  }
  return requests;
}

// Whoever takes a seat in a later plan replaces its holder in `seats`, so the suspects of the
// oldest plan are looked up before a newer plan may say otherwise: seats are noted when a plan
// comes to the head of the line.
void note_seats(WorkerState& state) {
  for (const auto& taken : state.pending.front()->seats_taken) {
    state.seats[taken.seat] = taken.start->request;
  }
}

enum class Afterwards : std::uint8_t { worker_lives, worker_dies };

void report_failure(Self self, const std::string& what, Afterwards afterwards) {
  auto& state = self->state;
  state.failed = true;
  std::vector<RequestId> requests;
  if (!state.pending.empty()) {
    requests = requests_of(*state.pending.front(), state);
  }
  state.pending.clear();
  log::error("step_failed",
             {{"ring", state.ring.value}, {"suspects", requests.size()}, {"what", what}});
  self->send(state.engine,
             WorkerFailed{state.ring, std::move(requests), afterwards == Afterwards::worker_dies});
}

void take_plan(Self self, const PlanPtr& plan) {
  auto& state = self->state;
  if (plan->ring != state.ring || state.failed) {
    return;
  }
  state.pending.push_back(plan);
  if (state.pending.size() == 1) {
    note_seats(state);
    self->send(self, WaitForOldest{});
  }
  if (auto enqueued = state.backend->enqueue(plan); !enqueued) {
    report_failure(self, enqueued.error().message, Afterwards::worker_lives);
  }
}

void wait_for_oldest(Self self) {
  auto& state = self->state;
  if (state.pending.empty() || state.failed) {
    return;
  }
  auto result = state.backend->wait();
  if (!result) {
    report_failure(self, result.error().message, Afterwards::worker_lives);
    return;
  }
  self->send(state.scheduler, std::make_shared<const StepResult>(*std::move(result)));
  state.pending.pop_front();
  if (!state.pending.empty()) {
    note_seats(state);
    self->send(self, WaitForOldest{});
  }
}

void begin_ring(Self self, const BeginRing& begin) {
  auto& state = self->state;
  state.pending.clear();
  state.seats.clear();
  if (auto begun = state.backend->begin_ring(begin.ring); !begun) {
    self->quit(caf::make_error(caf::sec::runtime_error, begun.error().message));
    return;
  }
  state.ring = begin.ring;
  state.scheduler = begin.scheduler;
  state.failed = false;
  self->send(state.engine, RingBegun{begin.ring});
}

}  // namespace

caf::behavior worker_actor(Self self, const BackendFactory& factory, caf::actor engine) {
  set_house_rules(self, WorkerState::name);
  auto& state = self->state;
  state.engine = std::move(engine);
  self->set_exception_handler([self](std::exception_ptr& exception) {
    auto what = describe(exception);
    report_failure(self, what, Afterwards::worker_dies);
    return caf::make_error(caf::sec::runtime_error, std::move(what));
  });
  auto made = factory();
  if (!made) {
    self->send(state.engine, WorkerReady{pass(std::move(made))});
    return {};  // no behaviour: the actor ends here
  }
  state.backend = *std::move(made);
  self->send(state.engine, WorkerReady{state.backend->description()});
  return {
      [self](const PlanPtr& plan) { take_plan(self, plan); },
      [self](const WaitForOldest&) { wait_for_oldest(self); },
      [self](const BeginRing& begin) { begin_ring(self, begin); },
  };
}

}  // namespace troupe
