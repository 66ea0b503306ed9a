// A client of bytes: what a test says goes on the wire as it stands, and what comes back is looked
// at as it stands. Plain POSIX sockets; every wait is bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::testing {

/// One HTTP answer, its body decoded.
struct HttpAnswer {
  std::int32_t status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;

  /// The field's value, or empty.
  [[nodiscard]] std::string field(std::string_view name) const;
};

class RawClient {
 public:
  /// Connects to the loopback. `receive_bytes` bounds the kernel's receive buffer; 0 leaves it.
  explicit RawClient(std::uint16_t port, int receive_bytes = 0);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// Sends all of it. Gives false when the server has closed.
  bool send(std::string_view bytes);

  /// Receives until `text` has come, and gives everything up to its end; what lies behind stays for
  /// the next call. Empty when the server closes first or ten seconds pass.
  [[nodiscard]] std::string receive_until(std::string_view text);

  /// Everything until the server closes. None when ten seconds pass before.
  [[nodiscard]] std::optional<std::string> receive_all();

  /// One whole answer. Status 0 when the server closes first or ten seconds pass.
  /// `HEAD` answers have no body.
  [[nodiscard]] HttpAnswer receive_answer(std::string_view method = "GET");

  /// True when the server has closed and nothing more is to be read.
  [[nodiscard]] bool sees_close();

  /// Tells the server that nothing more comes.
  void shut_sending();

  /// Closes with a reset instead of an orderly end.
  void reset();

  void close();

 private:
  enum class Arrival : std::uint8_t { bytes, closed, timed_out };
  Arrival receive_some();
  [[nodiscard]] std::optional<std::string> take_exactly(std::size_t count);
  [[nodiscard]] std::string receive_chunks();

  int descriptor_ = -1;
  std::string received_;
};

/// One request on a connection of its own.
[[nodiscard]] HttpAnswer answer_to(std::uint16_t port, std::string_view request);

/// A POST with a JSON body and all that belongs to it.
[[nodiscard]] std::string post(std::string_view path,
                               std::string_view body,
                               std::string_view fields = {});

[[nodiscard]] std::string get(std::string_view path, std::string_view fields = {});

}  // namespace troupe::testing
