// What the connections of one server share. Lives on the transport's thread; nothing in it is
// locked.
#pragma once

#include "engine/api/service.h"
#include "transport/api_key.h"
#include "transport/asio_forward.h"
#include "transport/call_ledger.h"
#include "transport/connection_ledger.h"
#include "transport/drain_rate.h"
#include "transport/event_inbox.h"
#include "transport/http_metrics.h"
#include "transport/log_gate.h"
#include "transport/request_names.h"
#include "transport/server_options.h"
#include "transport/signal.h"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace troupe::transport {

/// A live connection as its server sees it.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  /// The server takes no new requests from now on.
  virtual void announce_drain() = 0;

  /// Ends whatever runs with `reason`, as far as the peer will take it, and closes.
  virtual void shut_down(const Error& reason) = 0;
};

class ServerState {
 public:
  /// `seed` makes the names of this server's requests its own.
  ServerState(ServerOptions chosen, asio::io_context& context, std::uint64_t seed);

  /// The service for a new request. Errors: `draining`, `loading`.
  [[nodiscard]] Result<std::shared_ptr<Service>> open_service() const;

  /// One line in the log about what a stranger did, unless there were too many.
  [[nodiscard]] bool may_log();

  /// Tells every live connection of the drain, and refuses new requests from now on.
  void drain();

  /// Shuts every connection down.
  void shut_down(const Error& reason);

  const ServerOptions options;
  const KeyRing keys;
  asio::io_context& io;
  std::shared_ptr<Service> service;  // null until one is attached
  bool draining = false;
  std::shared_ptr<EventInbox> inbox;
  std::shared_ptr<ConnectionLedger> ledger;
  std::shared_ptr<CallLedger> calls;
  NameMaker name_maker;
  DrainRate drain_rate;
  HttpMetrics metrics;
  LogGate log_gate;
  std::map<const Connection*, std::weak_ptr<Connection>> connections;
  std::size_t num_exchanges = 0;     // requests whose answer has not left yet
  std::size_t total_body_bytes = 0;  // of all requests that are being read or answered
  Signal idle;                       // raised when the last exchange ends
  std::vector<char> scratch;         // what is read goes through it at once
};

/// Counts one exchange while it lives.
class LiveExchange {
 public:
  explicit LiveExchange(std::shared_ptr<ServerState> state);
  LiveExchange(LiveExchange&&) noexcept = default;
  LiveExchange& operator=(LiveExchange&&) = delete;
  LiveExchange(const LiveExchange&) = delete;
  LiveExchange& operator=(const LiveExchange&) = delete;
  ~LiveExchange();

 private:
  std::shared_ptr<ServerState> state_;
};

}  // namespace troupe::transport
