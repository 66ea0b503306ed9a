#include "actors/company_actor.h"

#include "actors/archive_actor.h"
#include "actors/caf_door.h"
#include "actors/engine_actor.h"
#include "actors/request_actor.h"
#include "actors/router_actor.h"
#include "actors/telemetry_actor.h"
#include "actors/text_actor.h"
#include "engine/base/log.h"
#include "engine/base/random.h"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

using Self = caf::stateful_actor<CompanyState>*;

// Hands a request's events to a CAF client as messages.
class ListenerSink : public EventSink {
 public:
  ListenerSink(RequestId request, caf::actor listener)
      : request_(request), listener_(std::move(listener)) {}

  void deliver(Event event) noexcept override {
    caf::anon_send(listener_,
                   RequestEvent{request_, std::make_shared<const Event>(std::move(event))});
  }

 private:
  RequestId request_;
  caf::actor listener_;
};

// Keeps the promise of one end, also towards a request actor that dies right after it.
class OnceSink : public EventSink {
 public:
  explicit OnceSink(std::shared_ptr<EventSink> sink) : sink_(std::move(sink)) {}

  void deliver(Event event) noexcept override {
    if (!sink_) {
      return;
    }
    const bool last =
        std::holds_alternative<Finished>(event) || std::holds_alternative<Failed>(event);
    sink_->deliver(std::move(event));
    if (last) {
      sink_.reset();
    }
  }

 private:
  std::shared_ptr<EventSink> sink_;
};

caf::actor spawn_text(Self self) {
  auto& state = self->state;
  auto text =
      state.threads == ThreadMode::own_thread
          ? self->spawn<caf::detached>(text_actor, state.parts.encoder, state.parts.tokenizer)
          : self->spawn(text_actor, state.parts.encoder, state.parts.tokenizer);
  self->monitor(text);
  return text;
}

// One file an engine.
std::string record_of(const CompanyParts& parts, EngineId id) {
  if (parts.record.empty() || id == EngineId{0}) {
    return parts.record;
  }
  return parts.record + "." + std::to_string(id.value);
}

caf::actor spawn_engine(Self self, EngineId id, const std::string& record) {
  auto& state = self->state;
  EngineActorParts parts{id,
                         state.parts.engine,
                         state.parts.backend,
                         state.parts.restarts,
                         record,
                         state.threads,
                         caf::actor(self),
                         state.router,
                         state.telemetry};
  auto engine = self->spawn(engine_actor, std::move(parts));
  self->monitor(engine);
  return engine;
}

void spawn_router(Self self) {
  self->state.router = self->spawn(router_actor);
  self->monitor(self->state.router);
  if (self->state.draining) {
    self->send(self->state.router, DrainRouter{});
  }
}

void spawn_archive(Self self) {
  self->state.archive = self->spawn(archive_actor, self->state.parts.completed, caf::actor(self));
  self->monitor(self->state.archive);
}

// Nobody is served any more, and nobody waits for what the archive has of an ended one.
bool is_drained(const CompanyState& state) {
  return state.live.empty() && state.archive_visits.empty();
}

void answer_drain(Self self) {
  auto& state = self->state;
  for (auto& promise : state.waiting_for_drain) {
    promise.deliver(Drained{static_cast<std::int32_t>(state.live.size())});
  }
  state.waiting_for_drain.clear();
}

void submit(Self self, Submit submit, caf::actor_addr listener) {
  auto& state = self->state;
  auto request = submit.request;
  if (!request->sampling.seed) {
    auto seeded = std::make_shared<GenerateRequest>(*request);
    seeded->sampling.seed = random_bits(state.parts.seed, submit.id.value);
    request = std::move(seeded);
  }
  auto sink = std::make_shared<OnceSink>(std::move(submit.sink));
  const bool retained = request->retain.has_value();
  const auto& text = state.texts[state.next_text++ % state.texts.size()];
  RequestParts parts{.id = submit.id,
                     .request = std::move(request),
                     .sink = sink,
                     .model = state.parts.model,
                     .tokenizer = state.parts.tokenizer,
                     .arrival = submit.arrival,
                     .router = state.router,
                     .text = text,
                     .telemetry = state.telemetry,
                     .archive = state.archive,
                     .company = caf::actor(self)};
  auto actor = self->spawn(request_actor, std::move(parts));
  self->monitor(actor);
  state.addresses.emplace(actor.address(), submit.id);
  state.live.emplace(
      submit.id, CompanyState::Live{actor, {std::move(sink)}, std::move(listener), retained, {}});
}

GenerateReply generate(Self self, const Generate& call) {
  auto& state = self->state;
  if (!call.request || !call.listener) {
    return {fail(ErrorCode::invalid_value, "Generate needs a request and a listener")};
  }
  if (auto valid = validate(*call.request, state.parts.model); !valid) {
    return {pass(std::move(valid))};
  }
  const RequestId id{++state.num_requests};
  self->monitor(call.listener);
  submit(self,
         Submit{id, call.request, std::make_shared<ListenerSink>(id, call.listener),
                self->clock().now()},
         call.listener.address());
  return {id};
}

void cancel(Self self, RequestId request) {
  if (const auto found = self->state.live.find(request); found != self->state.live.end()) {
    self->send(found->second.actor, StopRequest{});
  }
}

void visit_archive(Self self, CompanyState::Visit visit) {
  auto& state = self->state;
  std::visit([&](const auto& call) { self->send(state.archive, call); }, visit);
  state.archive_visits.push_back(std::move(visit));
}

void fetch(Self self, FetchRequest& call) {
  const auto found = self->state.live.find(call.request);
  if (found == self->state.live.end()) {
    visit_archive(self, std::move(call));
    return;
  }
  self->send(found->second.actor, call);
  found->second.visits.emplace_back(std::move(call));
}

void attach(Self self, AttachSink& call) {
  const auto found = self->state.live.find(call.request);
  call.sink = std::make_shared<OnceSink>(std::move(call.sink));
  if (found == self->state.live.end()) {
    visit_archive(self, std::move(call));
    return;
  }
  found->second.sinks.push_back(call.sink);
  self->send(found->second.actor, call);
  found->second.visits.emplace_back(std::move(call));
}

void visited(Self self, const RequestVisited& visited) {
  const auto found = self->state.live.find(visited.request);
  if (found == self->state.live.end()) {
    return;  // it has ended since
  }
  auto& live = found->second;
  if (std::holds_alternative<AttachSink>(live.visits.front())) {
    // One of the first two has heard its end: the old sink, or the one that was refused.
    live.sinks.erase(live.sinks.begin() + (visited.sink_replaced ? 0 : 1));
  }
  live.visits.pop_front();
}

void archive_visited(Self self) {
  // One that has died since has nothing more to say: its visits were made again.
  auto& state = self->state;
  if (self->current_sender() != state.archive) {
    return;
  }
  state.archive_visits.pop_front();
  if (is_drained(state)) {
    answer_drain(self);
  }
}

// A request actor died of a bug: whoever waits for it hears an end all the same.
void report_fault(Self self, RequestId request, const CompanyState::Live& live) {
  const Error fault{ErrorCode::internal, "the request met a fault of the server", ""};
  for (const auto& sink : live.sinks) {
    sink->deliver(Failed{fault});
  }
  RequestAccount account;
  account.request = request;
  account.model = self->state.parts.model.name;
  account.end = Failed{fault};
  self->send(self->state.archive,
             ArchiveAccount{std::make_shared<const RequestAccount>(std::move(account)), {}});
}

void request_ended(Self self, RequestId request, const caf::error& reason) {
  auto& state = self->state;
  const auto found = state.live.find(request);
  const auto live = std::move(found->second);
  state.addresses.erase(live.actor.address());
  state.live.erase(found);
  if (reason) {
    report_fault(self, request, live);
  }
  // The result is in the archive before these are.
  for (const auto& visit : live.visits) {
    visit_archive(self, visit);
  }
  if (is_drained(state)) {
    answer_drain(self);
  }
}

void archive_died(Self self) {
  auto& state = self->state;
  self->send(state.telemetry, RestartCounted{"archive"});
  spawn_archive(self);
  for (const auto& [id, live] : state.live) {
    self->send(live.actor, ArchiveChanged{state.archive});
  }
  for (auto& visit : std::exchange(state.archive_visits, {})) {
    visit_archive(self, std::move(visit));
  }
}

void router_died(Self self) {
  auto& state = self->state;
  self->send(state.telemetry, RestartCounted{"router"});
  if (!state.router_budget->spend(self->clock().now())) {
    log::error("company_given_up", {{"part", "router"}});
    for (auto& [id, live] : state.live) {
      for (const auto& sink : live.sinks) {
        sink->deliver(Failed{
            Error{ErrorCode::unhealthy, "the router was given up after repeated crashes", ""}});
      }
    }
    self->quit(caf::make_error(caf::sec::runtime_error));
    return;
  }
  spawn_router(self);
  for (const auto& engine : state.engines) {
    self->send(engine, RouterChanged{state.router});
  }
  for (const auto& [id, live] : state.live) {
    self->send(live.actor, RouterChanged{state.router});
  }
}

void engine_died(Self self, std::size_t index) {
  auto& state = self->state;
  const EngineId id{static_cast<std::uint32_t>(index)};
  self->send(state.telemetry, RestartCounted{"engine"});
  self->send(state.router, EngineDown{id, EngineHealth::restarting, 1});
  if (!state.parts.record.empty()) {
    log::warning("recording_ended", {{"engine", id.value}, {"why", "its supervisor died"}});
  }
  state.engines[index] = spawn_engine(self, id, "");
}

void somebody_died(Self self, const caf::down_msg& down) {
  auto& state = self->state;
  if (const auto found = state.addresses.find(down.source); found != state.addresses.end()) {
    request_ended(self, found->second, down.reason);
    return;
  }
  if (down.source == state.router.address()) {
    router_died(self);
    return;
  }
  if (down.source == state.archive.address()) {
    archive_died(self);
    return;
  }
  auto is_source = [&](const caf::actor& actor) { return actor.address() == down.source; };
  if (const auto engine = std::ranges::find_if(state.engines, is_source);
      engine != state.engines.end()) {
    engine_died(self, static_cast<std::size_t>(engine - state.engines.begin()));
    return;
  }
  if (const auto text = std::ranges::find_if(state.texts, is_source); text != state.texts.end()) {
    self->send(state.telemetry, RestartCounted{"text"});
    *text = spawn_text(self);
    return;
  }
  for (const auto& [id, live] : state.live) {
    if (live.listener == down.source && !live.retained) {
      self->send(live.actor, StopRequest{});
    }
  }
}

void answer_start(Self self) {
  auto& state = self->state;
  const bool complete = state.num_started >= state.parts.num_engines;
  if (!complete && !state.start_failure) {
    return;
  }
  for (auto& promise : state.waiting_for_start) {
    promise.deliver(Ready{state.start_failure
                              ? Result<void>(tl::unexpected<Error>(*state.start_failure))
                              : Result<void>()});
  }
  state.waiting_for_start.clear();
}

void send_everybody_home(Self self) {
  auto& state = self->state;
  for (auto& [id, live] : state.live) {
    for (const auto& sink : live.sinks) {
      sink->deliver(Failed{Error{ErrorCode::cancelled, "the server has shut down", ""}});
    }
    self->send_exit(live.actor, caf::exit_reason::user_shutdown);
  }
  for (const auto* group : {&state.engines, &state.texts}) {
    for (const auto& actor : *group) {
      self->send_exit(actor, caf::exit_reason::user_shutdown);
    }
  }
  self->send_exit(state.router, caf::exit_reason::user_shutdown);
  self->send_exit(state.archive, caf::exit_reason::user_shutdown);
  self->send_exit(state.telemetry, caf::exit_reason::user_shutdown);
}

caf::result<Drained> drain(Self self, const Drain& drain) {
  auto& state = self->state;
  state.draining = true;
  self->send(state.router, DrainRouter{});
  if (is_drained(state)) {
    return Drained{0};
  }
  auto promise = self->make_response_promise<Drained>();
  state.waiting_for_drain.push_back(promise);
  self->delayed_send(self, drain.patience, DrainTimeout{});
  return promise;
}

}  // namespace

caf::behavior company_actor(Self self, CompanyParts parts, ThreadMode threads) {
  set_house_rules(self, CompanyState::name);
  auto& state = self->state;
  state.parts = std::move(parts);
  state.threads = threads;
  state.router_budget.emplace(state.parts.restarts);
  self->set_down_handler([self](const caf::down_msg& down) { somebody_died(self, down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    send_everybody_home(self);
    self->quit(exit.reason);
  });
  state.telemetry =
      self->spawn(telemetry_actor, state.parts.metrics_prefix, state.parts.model.name);
  spawn_router(self);
  spawn_archive(self);
  for (std::int32_t i = 0; i < std::max(state.parts.num_text_actors, 1); ++i) {
    state.texts.push_back(spawn_text(self));
  }
  for (std::int32_t i = 0; i < state.parts.num_engines; ++i) {
    const EngineId id{static_cast<std::uint32_t>(i)};
    state.engines.push_back(spawn_engine(self, id, record_of(state.parts, id)));
  }
  return {
      [self](Submit& call) { submit(self, std::move(call), nullptr); },
      [self](const Generate& call) { return generate(self, call); },
      [self](const CancelRequest& call) { cancel(self, call.request); },
      [self](FetchRequest& call) { fetch(self, call); },
      [self](AttachSink& call) { attach(self, call); },
      [self](const RequestVisited& done) { visited(self, done); },
      [self](const ArchiveVisited&) { archive_visited(self); },
      [self](const Tokenize& call) { self->send(self->state.texts.front(), call); },
      [self](const Detokenize& call) { self->send(self->state.texts.front(), call); },
      [self](const AskStatus& ask) { self->send(self->state.router, ask); },
      [self](const AskMetrics& ask) { self->send(self->state.telemetry, ask); },
      [self](const EngineStarted&) {
        ++self->state.num_started;
        answer_start(self);
      },
      [self](const EngineStartFailed& failed) {
        self->state.start_failure = failed.error;
        answer_start(self);
      },
      [self](const WaitUntilReady&) -> caf::result<Ready> {
        auto promise = self->make_response_promise<Ready>();
        self->state.waiting_for_start.push_back(promise);
        answer_start(self);
        return promise;
      },
      [self](const Drain& call) { return drain(self, call); },
      [self](const DrainTimeout&) { answer_drain(self); },
      [self](const WhoIsThere& ask) { return self->delegate(self->state.engines.front(), ask); },
  };
}

caf::actor spawn_company(caf::actor_system& system, CompanyParts parts) {
  return system.spawn(company_actor, std::move(parts), ThreadMode::own_thread);
}

}  // namespace troupe
