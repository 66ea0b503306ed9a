// How a connection runs its coroutines.
#pragma once

#include "transport/asio_forward.h"

#include <functional>

namespace troupe::transport {

/// Starts `flow` on `io`. An exception ends the connection that it came from and nothing else: it
/// is logged, and `leave` is called. `leave` is kept until the flow has ended, and so is the
/// connection that it holds.
void start_flow(asio::io_context& io, Awaitable<void> flow, std::function<void()> leave);

}  // namespace troupe::transport
