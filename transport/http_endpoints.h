// The endpoints that answer in one piece without generating anything: models, tokens, health,
// figures.
#pragma once

#include "transport/asio_forward.h"
#include "transport/http_message.h"
#include "transport/http_router.h"
#include "transport/server_state.h"

#include <memory>
#include <string>

namespace troupe::transport {

/// The answer, to `tenant`, of any route that makes no call. The service gets
/// `Limits::answer_time` to say what it is asked.
[[nodiscard]] Awaitable<HttpReply> answer_endpoint(std::shared_ptr<ServerState> state,
                                                   HttpRequest request,
                                                   RouteMatch match,
                                                   std::string tenant);

}  // namespace troupe::transport
