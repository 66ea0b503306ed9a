// What can be said of a request from its head alone: who may come in, and with what.
#pragma once

#include "transport/http_message.h"
#include "transport/http_router.h"

#include <optional>

namespace troupe::transport {

class KeyRing;

/// The answer to a request that goes no further, or none for one that may. Strangers get 401 for
/// every path, known or not, that is not open.
[[nodiscard]] std::optional<HttpReply> judge_head(const HttpHead& head,
                                                  const RouteMatch& match,
                                                  const KeyRing& keys);

}  // namespace troupe::transport
