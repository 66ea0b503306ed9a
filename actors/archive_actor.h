// Keeps the results of requests that have ended, for clients that come back for them. Outlives
// requests, routers and engines; if it dies itself, old results are lost and nothing else.
#pragma once

#include "actors/caf_compat.h"
#include "actors/messages.h"
#include "engine/gateway/finished_store.h"

#include <optional>

namespace troupe {

struct ArchiveState {
  std::optional<FinishedStore> store;
  std::optional<TimePoint> next_wake;  // of the one timer that counts; none while nothing is kept
  caf::actor company;
  static inline const char* name = "archive";
};

caf::behavior archive_actor(caf::stateful_actor<ArchiveState>* self,
                            FinishedLimits limits,
                            const caf::actor& company);

}  // namespace troupe
