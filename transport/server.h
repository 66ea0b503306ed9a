// The transport as a whole: HTTP and the line protocol in front of a `Service`, on one thread of
// its own. Listens before there is a service, and answers then that the model is loading.
#pragma once

#include "engine/api/service.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "transport/server_options.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace troupe::transport {

/// Its methods may be called from any thread but its own, one at a time.
class Server {
 public:
  /// Listens and answers from now on. `service` may be null until `attach`.
  /// Error: `io` when a port cannot be had; it names the port.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(
      ServerOptions options, std::shared_ptr<Service> service = nullptr);

  /// Stops.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The ports that are listened on, also when any free one was asked for.
  [[nodiscard]] std::uint16_t http_port() const;
  [[nodiscard]] std::optional<std::uint16_t> tcp_port() const;

  /// From now on requests go to `service`. Once.
  void attach(std::shared_ptr<Service> service);

  /// Refuses new requests with `draining` from now on, and lets those that run go on. The ports
  /// stay open, so that the refusal can be heard.
  void drain();

  /// Waits until no request is running and every answer has been sent, `limit` at most. Gives
  /// whether it is so. Meant to follow `drain`.
  [[nodiscard]] bool wait_until_idle(Duration limit);

  /// Ends what still runs with an error, closes everything and joins the thread. Takes half a
  /// second at most. Twice is once.
  void stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace troupe::transport
