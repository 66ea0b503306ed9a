// The gateway's switchboard: places every attempt on an engine and hands every step's tokens out to
// their requests.
#pragma once

#include "actors/caf_compat.h"
#include "actors/messages.h"
#include "engine/gateway/routing_table.h"

#include <optional>
#include <unordered_map>

namespace troupe {

struct RouterState {
  struct Route {
    caf::actor request;
    AttemptNumber attempt;
    std::optional<EnqueueAttempt> waiting;  // for an engine to come up
  };

  RoutingTable table;
  std::unordered_map<RequestId, Route> routes;
  std::unordered_map<caf::actor_addr, RequestId> addresses;  // of the requests in `routes`
  std::unordered_map<EngineId, caf::actor> schedulers;
  static inline const char* name = "router";
};

caf::behavior router_actor(caf::stateful_actor<RouterState>* self);

}  // namespace troupe
