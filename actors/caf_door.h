// The door for programs that use CAF themselves: the company lives in their actor system, requests
// and events are messages.
#pragma once

#include "actors/caf_compat.h"
#include "actors/company.h"
#include "engine/api/event.h"
#include "engine/base/result.h"

#include <memory>

namespace troupe {

/// you → the door: take this request; events go to `listener` as `RequestEvent`. Answered by
/// `Result<RequestId>` in a `GenerateReply`. The listener's death cancels the request.
struct Generate {
  std::shared_ptr<const GenerateRequest> request;
  caf::actor listener;
};

struct GenerateReply {
  Result<RequestId> request;
};

/// you → the door.
struct CancelRequest {
  RequestId request;
};

/// request → listener.
struct RequestEvent {
  RequestId request;
  std::shared_ptr<const Event> event;
};

/// Spawns a company into `system` and returns its door. It comes up while you go on: requests
/// that arrive before its engines are ready wait. Ends when the door is sent an exit message.
/// `system` must have been configured by `configure`.
[[nodiscard]] caf::actor spawn_company(caf::actor_system& system, CompanyParts parts);

/// Sets what a company needs of an actor system: the scheduling policy and our message types.
void configure(caf::actor_system_config& config);

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Generate)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::GenerateReply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CancelRequest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RequestEvent)
