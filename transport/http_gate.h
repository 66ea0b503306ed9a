// What can be said of a request from its head alone: who may come in, and with what.
#pragma once

#include "transport/http_message.h"
#include "transport/http_router.h"

#include <optional>
#include <string_view>

namespace troupe::transport {

/// The answer to a request that goes no further, or none for one that may. `api_key` empty: anyone
/// may come. Strangers get 401 for every path, known or not, that is not open.
[[nodiscard]] std::optional<HttpReply> judge_head(const HttpHead& head,
                                                  const RouteMatch& match,
                                                  std::string_view api_key);

}  // namespace troupe::transport
