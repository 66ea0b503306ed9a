// The mailbox round an engine's scheduler.
#pragma once

#include "actors/caf_compat.h"
#include "actors/journal_tap.h"
#include "actors/messages.h"
#include "engine/api/engine_config.h"
#include "engine/scheduling/scheduler.h"

#include <deque>
#include <optional>
#include <vector>

namespace troupe {

struct SchedulerParts {
  EngineStatus status;  // the constant part of its reports
  RingNumber ring;
  EngineConfig config;
  std::vector<std::vector<RequestId>> suspects;
  caf::actor engine;
  caf::actor memory_manager;
  caf::actor router;
  caf::actor telemetry;
  caf::actor journal;  // null: nothing is recorded
};

struct SchedulerState {
  std::optional<Scheduler> scheduler;
  SchedulerParts parts;
  JournalTap tap;
  std::deque<GrantedPtr> granted;  // steps whose result is not in, oldest first
  std::deque<ResultPtr> results;   // results whose grant is not in, oldest first
  bool reported_first_step = false;
  static inline const char* name = "scheduler";
};

caf::behavior scheduler_actor(caf::stateful_actor<SchedulerState>* self, SchedulerParts parts);

}  // namespace troupe
