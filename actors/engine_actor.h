// The supervisor of one engine: spawns worker, memory manager and scheduler, and begins a new ring
// when one of them dies. Data does not pass through it, so that it lives when data kills.
#pragma once

#include "actors/actor_options.h"
#include "actors/caf_compat.h"
#include "actors/messages.h"
#include "engine/api/engine_config.h"
#include "engine/gateway/restart_budget.h"
#include "engine/memory/memory_config.h"
#include "engine/scheduling/crash_suspects.h"

#include <memory>
#include <optional>
#include <string>

namespace troupe {

struct EngineActorParts {
  EngineId engine;
  EngineConfig config;
  BackendFactory backend;
  RestartIntensity restarts;
  std::string record;  // file of its journal; empty: nothing is recorded
  ThreadMode threads = ThreadMode::own_thread;
  caf::actor company;
  caf::actor router;
  caf::actor telemetry;
};

struct EngineActorState {
  EngineActorParts parts;
  std::optional<RestartBudget> budget;
  CrashSuspects suspects;
  RingNumber ring;
  MemoryConfig memory;  // of the worker's backend
  EngineStatus status;  // health and sizes; the running figures are the scheduler's
  caf::actor scheduler;
  caf::actor memory_manager;
  caf::actor worker;
  caf::actor journal;           // null: nothing is recorded
  bool worker_ready = false;    // has a backend
  bool started_before = false;  // a ring has begun at least once
  static inline const char* name = "engine";
};

caf::behavior engine_actor(caf::stateful_actor<EngineActorState>* self, EngineActorParts parts);

}  // namespace troupe
