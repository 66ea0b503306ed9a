// The root of a company: spawns everybody, takes requests from the doors, watches over the router
// and the engines, and makes sure that every request hears exactly one end.
#pragma once

#include "actors/actor_options.h"
#include "actors/caf_compat.h"
#include "actors/company.h"
#include "actors/messages.h"
#include "engine/gateway/restart_budget.h"

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace troupe {

struct CompanyState {
  /// A request whose end the client has not heard yet.
  struct Live {
    caf::actor actor;
    std::shared_ptr<EventSink> sink;
    caf::actor_addr listener;  // of a CAF client, whose death is a cancel
  };

  CompanyParts parts;
  ThreadMode threads = ThreadMode::own_thread;
  std::optional<RestartBudget> router_budget;
  caf::actor telemetry;
  caf::actor router;
  std::vector<caf::actor> texts;
  std::vector<caf::actor> engines;  // by engine id
  std::unordered_map<RequestId, Live> live;
  std::unordered_map<caf::actor_addr, RequestId> addresses;  // of the actors in `live`
  std::uint64_t num_requests = 0;                            // that came through the CAF door
  std::size_t next_text = 0;
  std::int32_t num_started = 0;
  std::optional<Error> start_failure;
  bool draining = false;
  std::vector<caf::response_promise> waiting_for_start;
  std::vector<caf::response_promise> waiting_for_drain;
  static inline const char* name = "company";
};

caf::behavior company_actor(caf::stateful_actor<CompanyState>* self,
                            CompanyParts parts,
                            ThreadMode threads);

}  // namespace troupe
