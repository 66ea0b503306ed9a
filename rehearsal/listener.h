// A client that is an actor itself: asks through the company's own door, and hears messages.
#pragma once

#include "actors/caf_compat.h"
#include "engine/api/event.h"
#include "engine/api/request.h"

#include <memory>

namespace troupe::rehearsal {

/// Sends `request` and hands on what it hears to `sink`, a refusal included.
caf::behavior listener(caf::event_based_actor* self,
                       const caf::actor& company,
                       const std::shared_ptr<const GenerateRequest>& request,
                       std::shared_ptr<EventSink> sink);

}  // namespace troupe::rehearsal
