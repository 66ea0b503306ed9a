// The root of a company: spawns everybody, takes requests from the doors, watches over the router
// and the engines, and makes sure that every request hears exactly one end.
#pragma once

#include "actors/actor_options.h"
#include "actors/caf_compat.h"
#include "actors/company.h"
#include "actors/messages.h"
#include "engine/gateway/restart_budget.h"

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

namespace troupe {

struct CompanyState {
  /// A question about a request that was passed on and is not known to have been heard.
  using Visit = std::variant<FetchRequest, AttachSink>;

  /// A request whose end the client has not heard yet.
  struct Live {
    caf::actor actor;
    // The one that hears it, then those of `AttachSink`s under way.
    std::deque<std::shared_ptr<EventSink>> sinks;
    caf::actor_addr listener;  // of a CAF client, whose death is a cancel
    bool retained = false;     // or not, for such a request
    std::deque<Visit> visits;  // to `actor`
  };

  CompanyParts parts;
  ThreadMode threads = ThreadMode::own_thread;
  std::optional<RestartBudget> router_budget;
  caf::actor telemetry;
  caf::actor router;
  caf::actor archive;
  std::deque<Visit> archive_visits;
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
