// A port that is listened on: accepts, counts, refuses what is too many, and never spins when the
// system has no descriptor left.
#pragma once

#include "engine/base/result.h"
#include "transport/asio_forward.h"
#include "transport/connection_ledger.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace troupe::transport {

/// What becomes of those that knock.
struct Reception {
  std::function<void(TcpSocket&&, ConnectionLedger::Ticket)> admit;
  std::string refusal;  // what is sent to one too many before it is closed
};

class Listener {
 public:
  /// Binds and listens; nobody is accepted before `start`. Port 0 takes any free one. `limits` must
  /// outlive the listener. Error: `io`, with the address and the port.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open(asio::io_context& io,
                                                              const std::string& host,
                                                              std::uint16_t port);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  /// Accepts from now on. On the transport's thread, or before it runs.
  void start(std::shared_ptr<ConnectionLedger> ledger, const Limits& limits, Reception reception);

  /// Accepts no more. On the transport's thread.
  void close();

 private:
  class Impl;
  explicit Listener(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;  // shared with the accepting coroutine
  std::uint16_t port_ = 0;
};

}  // namespace troupe::transport
