#include "rehearsal/incidents.h"

#include "actors/caf_door.h"
#include "actors/engine_actor.h"

#include "rehearsal/violation.h"

#include <chrono>
#include <string>
#include <utility>

namespace troupe::rehearsal {
namespace {

// As if it had met a bug; it cannot know that it was meant.
void send_away(const caf::actor& actor) {
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

}  // namespace

bool Incidents::happen() {
  for (std::size_t index = 0; index < kNumIncidents; ++index) {
    const auto rate = play_.one_in_many[index];
    if (rate > 0 && stage_.random().one_in(rate) && happen(static_cast<Incident>(index))) {
      return true;
    }
  }
  return false;
}

bool Incidents::happen(Incident incident) {
  switch (incident) {
    case Incident::cancel:
      return cancel();
    case Incident::leave:
      return leave();
    case Incident::kill_request:
      return kill_request();
    case Incident::kill_text:
      return kill_text();
    case Incident::kill_archive:
      return kill(stage_.company_state().archive, Sight::archive_killed);
    case Incident::kill_router:
      return kill(stage_.company_state().router, Sight::router_killed);
    case Incident::kill_engine:
    case Incident::kill_scheduler:
    case Incident::kill_memory:
    case Incident::kill_worker:
      return kill_part_of_engine(incident);
    case Incident::refuse_plan:
      return break_device(DeviceFaults::Next::refuse_plan, Sight::step_failed);
    case Incident::fail_step:
      return break_device(DeviceFaults::Next::fail_step, Sight::step_failed);
    case Incident::throw_step:
      return break_device(DeviceFaults::Next::kill_worker, Sight::step_threw);
    case Incident::pass_time:
      stage_.pass(std::chrono::milliseconds(stage_.random().between(1, 100)));
      return true;
    case Incident::fetch:
      return fetch();
    case Incident::attach:
      return attach();
    case Incident::drain:
      return drain();
    case Incident::curtain:
      return curtain();
    case Incident::last:
      break;
  }
  return false;
}

// One that has a request number, or none.
Client* Incidents::any_client() {
  auto& clients = audience_.clients();
  if (clients.empty()) {
    return nullptr;
  }
  auto& client = stage_.random().pick(clients);
  return client.id == RequestId{} ? nullptr : &client;
}

bool Incidents::cancel() {
  auto* client = any_client();
  if (client == nullptr) {
    return false;
  }
  if (client->has_ended()) {
    sightings_.see(Sight::cancelled_late);
  } else if (client->num_heard_tokens() > 0) {
    sightings_.see(Sight::cancelled_running);
  } else {
    sightings_.see(client->was_accepted() ? Sight::cancelled_waiting : Sight::cancelled_early);
  }
  client->is_cancelled = true;
  stage_.cancel(client->id);
  return true;
}

// A client that has left hears nothing more: what its request comes to is nobody's affair.
bool Incidents::leave() {
  auto* client = any_client();
  if (client == nullptr || !client->listener || client->has_ended() || client->has_left) {
    return false;
  }
  sightings_.see(Sight::listener_left);
  client->is_cancelled = true;
  client->has_left = true;
  send_away(client->listener);
  return true;
}

bool Incidents::kill_request() {
  auto* client = any_client();
  if (client == nullptr || client->has_ended()) {
    return false;
  }
  const auto& live = stage_.company_state().live;
  const auto found = live.find(client->id);
  if (found == live.end()) {
    return false;
  }
  client->is_killed = true;
  return kill(found->second.actor, Sight::request_killed);
}

bool Incidents::kill(const caf::actor& actor, Sight sight) {
  if (!actor) {
    return false;
  }
  sightings_.see(sight);
  send_away(actor);
  return true;
}

bool Incidents::kill_part_of_engine(Incident incident) {
  const auto& engines = stage_.company_state().engines;
  if (engines.empty()) {
    return false;  // the company has not begun
  }
  const auto& engine = stage_.random().pick(engines);
  const auto* state = ActorStage::state_of<EngineActorState>(engine);
  if (state == nullptr) {
    return false;
  }
  switch (incident) {
    case Incident::kill_engine:
      return kill(engine, Sight::engine_killed);
    case Incident::kill_scheduler:
      return kill(state->scheduler, Sight::scheduler_killed);
    case Incident::kill_memory:
      return kill(state->memory_manager, Sight::memory_killed);
    default:
      return kill(state->worker, Sight::worker_killed);
  }
}

bool Incidents::kill_text() {
  const auto& texts = stage_.company_state().texts;
  if (texts.empty()) {
    return false;
  }
  audience_.excuses.text_died = true;
  return kill(stage_.random().pick(texts), Sight::text_killed);
}

bool Incidents::break_device(DeviceFaults::Next fault, Sight sight) {
  if (faults_.next != DeviceFaults::Next::none) {
    return false;
  }
  sightings_.see(sight);
  faults_.next = fault;
  return true;
}

bool Incidents::fetch() {
  const auto* client = any_client();
  if (client == nullptr) {
    return false;
  }
  sightings_.see(Sight::fetched);
  ++num_asked_;
  caf::anon_send(stage_.company(),
                 FetchRequest{client->id, [this, client, answered = num_answered_](
                                              Result<RequestSnapshot> snapshot) {
                                ++*answered;
                                if (snapshot) {
                                  audience_.look_at(*client, *snapshot);
                                }
                              }});
  return true;
}

bool Incidents::attach() {
  auto* client = any_client();
  // A client behind a listener would not be heard of again.
  if (client == nullptr || play_.door == Door::actors) {
    return false;
  }
  sightings_.see(Sight::attached);
  client->connections.back().is_replaced = true;
  caf::anon_send(stage_.company(), AttachSink{client->id, 0, audience_.connect(*client)});
  return true;
}

bool Incidents::drain() {
  if (audience_.excuses.draining) {
    return false;
  }
  sightings_.see(Sight::drained);
  audience_.excuses.draining = true;
  ++num_asked_;
  const auto ask = [this, answered = num_answered_](caf::event_based_actor* self,
                                                    const caf::actor& company) -> caf::behavior {
    self->request(company, caf::infinite, Drain{std::chrono::minutes(30)})
        .then([this, answered](const Drained& drained) {
          ++*answered;
          audience_.look_at(drained.num_left);
        });
    return {};
  };
  stage_.system().spawn(ask, stage_.company());
  return true;
}

bool Incidents::curtain() {
  sightings_.see(Sight::early_curtain);
  curtain_fell_ = true;
  return true;
}

void Incidents::check_answers() const {
  TROUPE_PROMISE(*num_answered_ == num_asked_, "L5 drain ends",
                 std::to_string(num_asked_ - *num_answered_) + " questions have no answer");
}

}  // namespace troupe::rehearsal
