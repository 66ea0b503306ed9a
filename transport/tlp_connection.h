// One connection of the line protocol: many requests at once, each under the client's own id, their
// events in one stream of lines. A client that leaves takes its requests with it.
#pragma once

#include "transport/asio_forward.h"
#include "transport/connection_ledger.h"
#include "transport/server_state.h"

#include <memory>

namespace troupe::transport {

/// Serves `socket` until it ends. Must be called on the transport's thread.
void serve_tlp(std::shared_ptr<ServerState> state,
               TcpSocket&& socket,
               ConnectionLedger::Ticket ticket);

}  // namespace troupe::transport
