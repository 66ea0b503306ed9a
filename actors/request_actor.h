// One client's request: the durable truth of it, and the one voice that the client hears. It
// outlives engines, rings and routers, and enqueues itself anew when they are lost.
#pragma once

#include "actors/caf_compat.h"
#include "actors/messages.h"
#include "engine/gateway/request_record.h"

#include <memory>
#include <optional>

namespace troupe {

class Tokenizer;

struct RequestParts {
  RequestId id;
  std::shared_ptr<const GenerateRequest> request;  // its seed is set
  std::shared_ptr<EventSink> sink;
  ModelCard model;
  std::shared_ptr<const Tokenizer> tokenizer;
  TimePoint arrival;
  caf::actor router;
  caf::actor text;
  caf::actor telemetry;
  caf::actor archive;
  caf::actor company;
};

struct RequestState {
  RequestParts parts;
  std::optional<RequestRecord> record;
  static inline const char* name = "request";
};

caf::behavior request_actor(caf::stateful_actor<RequestState>* self, RequestParts parts);

}  // namespace troupe
