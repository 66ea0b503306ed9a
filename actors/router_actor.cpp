#include "actors/router_actor.h"

#include <utility>
#include <vector>

namespace troupe {
namespace {

using Self = caf::stateful_actor<RouterState>*;

void forget(Self self, RequestId request) {
  auto& state = self->state;
  state.table.forget(request);
  if (const auto found = state.routes.find(request); found != state.routes.end()) {
    self->demonitor(found->second.request);
    state.addresses.erase(found->second.request.address());
    state.routes.erase(found);
  }
}

// Sends a waiting attempt to an engine, or leaves it waiting, or refuses it.
void place(Self self, RequestId request) {
  auto& state = self->state;
  auto& route = state.routes.at(request);
  auto placed = state.table.place(request, route.attempt);
  if (!placed) {
    self->send(route.request, AttemptRefused{request, route.attempt, std::move(placed).error()});
    forget(self, request);
    return;
  }
  if (*placed) {
    self->send(state.schedulers.at(**placed), *std::exchange(route.waiting, std::nullopt));
  }
}

// The engines have changed: whoever waits for one is looked at again.
void place_waiting(Self self) {
  // Placing may refuse, and a refused request leaves `routes`.
  std::vector<RequestId> waiting;
  for (const auto& [request, route] : self->state.routes) {
    if (route.waiting) {
      waiting.push_back(request);
    }
  }
  for (const auto request : waiting) {
    place(self, request);
  }
}

void enqueue(Self self, EnqueueAttempt& attempt) {
  auto& state = self->state;
  const auto id = attempt.request.request;
  auto actor = caf::actor_cast<caf::actor>(self->current_sender());
  if (!actor) {
    return;  // the request is gone already
  }
  auto [found, added] = state.routes.try_emplace(id);
  auto& route = found->second;
  if (added) {
    // Its death is a cancel. Whoever is dead by now is reported at once.
    self->monitor(actor);
    state.addresses.emplace(actor.address(), id);
  }
  route.request = std::move(actor);
  route.attempt = attempt.request.attempt;
  route.waiting = std::move(attempt);
  place(self, id);
}

void cancel(Self self, RequestId request) {
  auto& state = self->state;
  if (const auto engine = state.table.engine_of(request)) {
    self->send(state.schedulers.at(*engine), CancelAttempt{request});
  }
  forget(self, request);
}

void hand_out(Self self, StepTokens& step) {
  auto& state = self->state;
  state.table.engine_load(step.load);
  for (auto& tokens : step.tokens) {
    const auto found = state.routes.find(tokens.request);
    if (found == state.routes.end() || found->second.attempt != tokens.attempt) {
      continue;  // late: cancelled, or of an earlier attempt
    }
    const auto request = tokens.request;
    const bool last = tokens.finished.has_value();
    self->send(found->second.request, std::move(tokens));
    if (last) {
      forget(self, request);
    }
  }
}

void engine_ready(Self self, const EngineReady& ready) {
  auto& state = self->state;
  state.schedulers[ready.status.engine] = ready.scheduler;
  state.table.engine_ready(ready.status);
  place_waiting(self);
}

void engine_down(Self self, const EngineDown& down) {
  auto& state = self->state;
  for (const auto request : state.table.engine_down(down.engine, down.health)) {
    if (const auto found = state.routes.find(request); found != state.routes.end()) {
      self->send(found->second.request, AttemptLost{});
    }
  }
  if (down.health == EngineHealth::given_up) {
    place_waiting(self);
  }
}

// The answer of a scheduler belongs to the attempt that is current, or to nobody.
template <class Answer>
bool pass_on(Self self, Answer& answer) {
  auto& routes = self->state.routes;
  const auto found = routes.find(answer.request);
  if (found == routes.end() || found->second.attempt != answer.attempt) {
    return false;
  }
  self->send(found->second.request, std::move(answer));
  return true;
}

}  // namespace

caf::behavior router_actor(Self self) {
  set_house_rules(self, RouterState::name);
  self->set_down_handler([self](const caf::down_msg& down) {
    const auto found = self->state.addresses.find(down.source);
    if (found != self->state.addresses.end()) {
      cancel(self, found->second);
    }
  });
  return {
      [self](EnqueueAttempt& attempt) { enqueue(self, attempt); },
      [self](const CancelAttempt& attempt) { cancel(self, attempt.request); },
      [self](AttemptTaken& taken) { pass_on(self, taken); },
      [self](AttemptRefused& refused) {
        const auto request = refused.request;
        if (pass_on(self, refused)) {
          forget(self, request);
        }
      },
      [self](StepTokens& step) { hand_out(self, step); },
      [self](const LoadReport& report) { self->state.table.engine_load(report.load); },
      [self](const EngineReady& ready) { engine_ready(self, ready); },
      [self](const EngineDown& down) { engine_down(self, down); },
      [self](const CondemnRequests& condemned) {
        for (const auto request : condemned.requests) {
          if (const auto found = self->state.routes.find(request);
              found != self->state.routes.end()) {
            self->send(found->second.request, Condemned{});
          }
        }
      },
      [self](const DrainRouter&) { self->state.table.drain(); },
      [self](const AskStatus& ask) { ask.done(self->state.table.status()); },
  };
}

}  // namespace troupe
