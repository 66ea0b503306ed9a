// The mailbox round an engine's memory manager.
#pragma once

#include "actors/caf_compat.h"
#include "actors/journal_tap.h"
#include "actors/messages.h"
#include "engine/memory/memory_manager.h"

#include <optional>

namespace troupe {

struct MemoryManagerParts {
  EngineId engine;
  RingNumber ring;
  MemoryConfig config;
  caf::actor worker;
  caf::actor telemetry;
  caf::actor journal;  // null: nothing is recorded
};

struct MemoryManagerState {
  std::optional<MemoryManager> memory;
  MemoryManagerParts parts;
  JournalTap tap;
  MemoryStatistics reported;
  static inline const char* name = "memory_manager";
};

caf::behavior memory_manager_actor(caf::stateful_actor<MemoryManagerState>* self,
                                   MemoryManagerParts parts);

}  // namespace troupe
