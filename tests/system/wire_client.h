// The client's side of both protocols over plain sockets, as little of it as the tests need.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe::system_test {

/// A TCP connection to this machine. Owned by one thread.
class Connection {
 public:
  explicit Connection(std::uint16_t port);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  void send(const std::string& bytes) const;

  /// The next line, without its end; empty when the peer hung up.
  [[nodiscard]] std::string read_line();

  /// Everything until the peer hangs up.
  [[nodiscard]] std::string read_rest();

 private:
  bool fill();

  int socket_ = -1;
  std::string buffer_;
};

struct HttpResponse {
  int status = 0;
  std::string head;
  std::string body;  // chunks put together
};

/// One request on a connection of its own.
[[nodiscard]] HttpResponse get(std::uint16_t port, const std::string& path);
[[nodiscard]] HttpResponse post(std::uint16_t port,
                                const std::string& path,
                                const nlohmann::json& body);

/// The `data:` events of a stream, without the final [DONE], which must be there (checked).
[[nodiscard]] std::vector<nlohmann::json> events_of(const HttpResponse& response);

/// The samples of the metric `name` that have `label` (any, when empty), summed. Checked: there is
/// one.
[[nodiscard]] double metric(std::uint16_t http_port,
                            const std::string& name,
                            const std::string& label = {});

/// A connection that speaks the line protocol. The greeting has been read.
class LineConnection {
 public:
  explicit LineConnection(std::uint16_t tcp_port);

  void send(const nlohmann::json& message) const;

  /// The next line; null when the server hung up.
  [[nodiscard]] nlohmann::json receive();

  /// Reads until the end of request `id` and returns its text; the last event goes to `end`.
  [[nodiscard]] std::string read_answer(const std::string& id, nlohmann::json& end);

 private:
  Connection connection_;
};

/// An id such as r17.
[[nodiscard]] std::string numbered(const std::string& name, std::int32_t number);

/// A chat request of the line protocol, greedy.
[[nodiscard]] nlohmann::json chat_line(const std::string& id,
                                       const std::string& question,
                                       std::int32_t max_tokens);

}  // namespace troupe::system_test
