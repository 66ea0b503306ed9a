#include "rehearsal/house_watch.h"

#include "actors/archive_actor.h"
#include "actors/request_actor.h"
#include "actors/router_actor.h"

#include "rehearsal/device.h"
#include "rehearsal/trace.h"
#include "rehearsal/violation.h"

#include <utility>

namespace troupe::rehearsal {
namespace {

/// So many steps of actors may go by without anybody's hearing anything.
constexpr std::int64_t kPatience = 60'000;

template <class T>
const T* as(const caf::type_erased_tuple& content) {
  return content.match_elements<T>() ? &content.get_as<T>(0) : nullptr;
}

bool is(const caf::actor& actor, const caf::scheduled_actor& other) {
  return actor && caf::actor_cast<caf::abstract_actor*>(actor) == &other;
}

std::int64_t grown_by(std::int64_t now, std::int64_t& before) {
  return now - std::exchange(before, now);
}

}  // namespace

HouseWatch::HouseWatch(const Play& play,
                       ActorStage& stage,
                       Audience& audience,
                       Sightings& sightings)
    : play_(play), stage_(stage), audience_(audience), sightings_(sightings) {
  engines_.resize(static_cast<std::size_t>(play.num_engines));
}

EngineActorState* HouseWatch::engine_state(std::size_t index) {
  const auto& engines = stage_.company_state().engines;
  return index < engines.size() ? ActorStage::state_of<EngineActorState>(engines[index]) : nullptr;
}

void HouseWatch::before(const Cue& cue) {
  sightings_.see(Sight::message);
  part_ = Part::none;
  if (cue.actor == nullptr) {
    return;
  }
  digest_ = mix(digest_ ^ cue.actor->id());
  if (trace_) {
    write_trace(cue);
  }
  if (!looking_) {
    return;
  }
  find_part(*cue.actor);
  reader_ = cue.actor;
  if (cue.normal != nullptr && cue.urgent == nullptr) {
    read(*cue.normal);
  }
}

void HouseWatch::find_part(const caf::scheduled_actor& actor) {
  if (is(stage_.company(), actor)) {
    part_ = Part::company;
    return;
  }
  for (std::size_t index = 0; index < engines_.size(); ++index) {
    const auto* state = engine_state(index);
    if (state == nullptr) {
      continue;
    }
    engine_ = index;
    if (is(state->scheduler, actor)) {
      part_ = Part::scheduler;
      return;
    }
    if (is(state->memory_manager, actor)) {
      part_ = Part::memory_manager;
      return;
    }
    if (is(state->worker, actor)) {
      part_ = Part::worker;
      return;
    }
  }
}

void HouseWatch::read(const caf::type_erased_tuple& content) {
  if (part_ == Part::company) {
    return;
  }
  if (const auto* tokens = as<RequestTokens>(content)) {
    const auto* actor = dynamic_cast<const caf::stateful_actor<RequestState>*>(reader_);
    const auto is_late = actor != nullptr && tokens->attempt != actor->state.record->attempt();
    sightings_.see(Sight::late_token, is_late ? 1 : 0);
  }
  if (part_ == Part::none || !engines_[engine_].ring) {
    return;
  }
  auto& engine = engines_[engine_];
  if (part_ == Part::scheduler) {
    read_scheduler(content);
  } else if (part_ == Part::memory_manager) {
    if (const auto* proposal = as<ProposalPtr>(content)) {
      engine.ring->proposed(*proposal);
    }
  } else if (const auto* plan = as<PlanPtr>(content)) {
    if ((*plan)->ring == engine.number) {
      engine.ring->planned(**plan);
    }
  }
}

void HouseWatch::read_scheduler(const caf::type_erased_tuple& content) {
  auto& engine = engines_[engine_];
  if (const auto* granted = as<GrantedPtr>(content)) {
    if ((*granted)->ring == engine.number) {
      engine.ring->granted(**granted);
    }
  } else if (const auto* result = as<ResultPtr>(content)) {
    if ((*result)->ring == engine.number) {
      engine.ring->computed(**result);
    }
  } else if (const auto* attempt = as<EnqueueAttempt>(content)) {
    attempt_ = *attempt;
    const auto* state = ActorStage::state_of<SchedulerState>(engine_state(engine_)->scheduler);
    num_waiting_before_ = state->scheduler ? state->scheduler->statistics().num_waiting : 0;
  } else if (const auto* cancel = as<CancelAttempt>(content)) {
    engine.ring->cancelled(cancel->request);
  }
}

void HouseWatch::after() {
  if (looking_) {
    look_for_new_actors();
    look_for_new_rings();
    if (part_ == Part::memory_manager || part_ == Part::scheduler) {
      if (const auto* state = engine_state(engine_)) {
        look_at_memory(*state, engines_[engine_]);
        look_at_scheduler(*state, engines_[engine_]);
      }
    }
    attempt_.reset();
  }
  if (*broken_) {
    throw **broken_;
  }
  audience_.check();
  num_steps_without_ =
      grown_by(audience_.progress(), last_progress_) > 0 ? 0 : num_steps_without_ + 1;
  TROUPE_PROMISE(num_steps_without_ < kPatience, "L3 progress",
                 "nobody has heard anything for " + std::to_string(kPatience) + " messages");
}

void HouseWatch::look_for_new_rings() {
  for (std::size_t index = 0; index < engines_.size(); ++index) {
    auto& engine = engines_[index];
    const auto* state = engine_state(index);
    if (state == nullptr || !state->scheduler) {
      engine.ring.reset();
      engine.scheduler = nullptr;
      continue;
    }
    if (engine.scheduler == state->scheduler.address()) {
      continue;
    }
    sightings_.see(Sight::new_ring, engine.number > RingNumber{0} ? 1 : 0);
    const auto suspicion = state->suspects.groups().empty() ? Suspicion::none : Suspicion::some;
    engine.ring.emplace(play_, audience_, sightings_, suspicion);
    engine.scheduler = state->scheduler.address();
    engine.number = state->ring;
    engine.num_discarded_rows = 0;
    engine.num_evicted_blocks = 0;
  }
}

// An exception in an actor is a broken check: the house would go on without it, a rehearsal not.
void HouseWatch::watch_over(const caf::actor& actor, const char* role) {
  if (!actor || !known_actors_.insert(actor.id()).second) {
    return;
  }
  actor->attach_functor([broken = broken_, role](const caf::error& reason) {
    if (!reason || reason.category() == caf::atom("exit")) {
      return;
    }
    const auto text = caf::to_string(reason.context());
    if (text.find(kRehearsedFault) == std::string::npos && !*broken) {
      *broken = Violation("no check fails", std::string("the ") + role + " died: " + text);
    }
  });
}

void HouseWatch::look_for_new_actors() {
  if (part_ != Part::company && part_ != Part::none) {
    return;  // only these spawn
  }
  const auto& company = stage_.company_state();
  watch_over(stage_.company(), "company");
  watch_over(company.router, "router");
  watch_over(company.archive, "archive");
  for (const auto& text : company.texts) {
    watch_over(text, "text actor");
  }
  for (const auto& [id, live] : company.live) {
    watch_over(live.actor, "request actor");
    if (live.listener && audience_.find(id) == nullptr) {
      on_taken(live.listener, id);
    }
  }
  for (std::size_t index = 0; index < company.engines.size(); ++index) {
    watch_over(company.engines[index], "engine");
    if (const auto* state = engine_state(index)) {
      watch_over(state->scheduler, "scheduler");
      watch_over(state->memory_manager, "memory manager");
      watch_over(state->worker, "worker");
    }
  }
}

void HouseWatch::look_at_memory(const EngineActorState& state, Engine& engine) {
  if (part_ != Part::memory_manager || !state.memory_manager) {
    return;
  }
  const auto* actor = ActorStage::state_of<MemoryManagerState>(state.memory_manager);
  if (actor == nullptr || !actor->memory) {
    return;
  }
  const auto& memory = *actor->memory;
  try {
    memory.audit();
  } catch (const InvariantViolation& violation) {
    throw Violation("I1-I3 audit of the memory", violation.what());
  }
  TROUPE_PROMISE(memory.num_free_blocks() <= memory.num_total_blocks() &&
                     memory.num_cached_blocks() <= memory.num_free_blocks(),
                 "I1 blocks conserved", "more blocks are free than there are");
  sightings_.see(Sight::eviction,
                 grown_by(memory.statistics().num_evicted_blocks, engine.num_evicted_blocks));
}

void HouseWatch::look_at_scheduler(const EngineActorState& state, Engine& engine) {
  if (part_ != Part::scheduler || !state.scheduler) {
    return;
  }
  const auto* actor = ActorStage::state_of<SchedulerState>(state.scheduler);
  if (actor == nullptr || !actor->scheduler) {
    return;
  }
  const auto statistics = actor->scheduler->statistics();
  TROUPE_PROMISE(statistics.num_running <= play_.engine.max_num_seqs && statistics.num_waiting >= 0,
                 "I9 step budget", std::to_string(statistics.num_running) + " run");
  sightings_.see(Sight::discarded_row,
                 grown_by(statistics.num_discarded_rows, engine.num_discarded_rows));
  if (attempt_ && engine.ring) {
    const auto& request = attempt_->request;
    engine.ring->enqueued(request.request, request.attempt,
                          statistics.num_waiting > num_waiting_before_);
  }
}

void HouseWatch::check_silence() {
  auto& company = stage_.company_state();
  TROUPE_PROMISE(company.live.empty(), "L1 everybody ends",
                 std::to_string(company.live.size()) + " requests live in silence");
  if (const auto* router = ActorStage::state_of<RouterState>(company.router)) {
    TROUPE_PROMISE(router->routes.empty() && router->table.status().num_live_requests == 0,
                   "L5 nothing is left", "the router knows requests that have ended");
  }
  for (std::size_t index = 0; index < engines_.size(); ++index) {
    const auto* state = engine_state(index);
    if (state == nullptr || state->status.health == EngineHealth::given_up) {
      continue;
    }
    const auto* memory = ActorStage::state_of<MemoryManagerState>(state->memory_manager);
    const auto* scheduler = ActorStage::state_of<SchedulerState>(state->scheduler);
    TROUPE_PROMISE(memory != nullptr && scheduler != nullptr, "L5 nothing is left",
                   "an engine rests without its parts");
    const auto statistics = scheduler->scheduler->statistics();
    TROUPE_PROMISE(statistics.num_running == 0 && statistics.num_waiting == 0, "L6 no lost wake-up",
                   std::to_string(statistics.num_running) + " run and " +
                       std::to_string(statistics.num_waiting) + " wait in silence");
    TROUPE_PROMISE(memory->memory->num_free_blocks() == memory->memory->num_total_blocks(),
                   "I1 blocks conserved",
                   std::to_string(memory->memory->num_free_blocks()) + " of " +
                       std::to_string(memory->memory->num_total_blocks()) +
                       " blocks are free in silence");
  }
}

void HouseWatch::write_trace(const Cue& cue) const {
  if (cue.urgent != nullptr) {
    trace_(trace_line(stage_.now(), *cue.actor, *cue.urgent));
  } else if (cue.normal != nullptr) {
    trace_(trace_line(stage_.now(), *cue.actor, *cue.normal));
  }
}

}  // namespace troupe::rehearsal
