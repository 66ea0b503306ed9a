// One HTTP/1.x connection: requests in order, one at a time, each answered before the next is
// looked at. A client that leaves takes its request with it.
#pragma once

#include "transport/asio_forward.h"
#include "transport/connection_ledger.h"
#include "transport/server_state.h"

#include <memory>

namespace troupe::transport {

/// Serves `socket` until it ends. Must be called on the transport's thread.
void serve_http(std::shared_ptr<ServerState> state,
                TcpSocket&& socket,
                ConnectionLedger::Ticket ticket);

}  // namespace troupe::transport
