// The client's end of the line protocol TLP/1: one JSON object a line, over TCP. Used by the
// commands that talk to a running server.
#pragma once

#include "cli/address.h"
#include "engine/api/request.h"
#include "engine/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace troupe::cli {

/// What a server says of itself in its first line.
struct Greeting {
  std::string model;
  std::int64_t max_model_len = 0;
};

/// What the client asks for; fields left out are the server's business.
struct LineRequest {
  std::string id;
  std::variant<std::vector<ChatMessage>, std::string> prompt;  // a conversation or plain text
  std::optional<std::int64_t> max_tokens;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<std::uint64_t> seed;
};

/// One line of an answer.
struct LineEvent {
  enum class Kind : std::uint8_t { text, done, error, other };
  Kind kind = Kind::other;
  std::string id;                      // of the request; empty in what concerns the connection
  std::string text;                    // of `text`: what to show; of `error`: the message
  std::string finish_reason;           // of `done`
  std::int64_t num_output_tokens = 0;  // of `done`
  double time_to_first_token_ms = 0.0;
  double tokens_per_second = 0.0;
};

/// One connection. Owned by one thread.
class LineClient {
 public:
  /// Connects, reads the greeting and shows `api_key` when the server asks for one.
  /// Errors: `io` with address and reason, `unauthorized`.
  [[nodiscard]] static Result<LineClient> connect(const Address& address,
                                                  const std::string& api_key);
  ~LineClient();
  LineClient(LineClient&& other) noexcept;
  LineClient& operator=(LineClient&&) = delete;

  [[nodiscard]] const Greeting& greeting() const { return greeting_; }

  /// Errors of both: `io` when the connection is gone.
  [[nodiscard]] Result<void> send(const LineRequest& request);
  [[nodiscard]] Result<void> cancel(const std::string& id);

  /// Readable, or `has_line()`, when the next event can be had without waiting.
  [[nodiscard]] int descriptor() const { return socket_; }

  [[nodiscard]] bool has_line() const { return buffer_.find('\n') != std::string::npos; }

  /// Waits for the next line. Errors: `io` when the connection is gone or speaks something else.
  [[nodiscard]] Result<LineEvent> receive();

 private:
  explicit LineClient(int socket) : socket_(socket) {}

  [[nodiscard]] Result<void> send_line(std::string line);
  [[nodiscard]] Result<std::string> receive_line();
  [[nodiscard]] Result<void> greet(const std::string& api_key);

  int socket_ = -1;
  std::string buffer_;  // received, not yet handed out
  Greeting greeting_;
};

}  // namespace troupe::cli
