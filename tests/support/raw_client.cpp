#include "tests/support/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace troupe::testing {
namespace {

constexpr int kPatienceMs = 10'000;

std::string lower(std::string_view text) {
  std::string made(text);
  std::ranges::transform(made, made.begin(), [](char character) {
    return character >= 'A' && character <= 'Z' ? static_cast<char>(character + 32) : character;
  });
  return made;
}

void parse_fields(std::string_view head, HttpAnswer& answer) {
  auto line_end = head.find("\r\n");
  const auto status = head.substr(head.find(' ') + 1, 3);
  std::from_chars(status.data(), status.data() + status.size(), answer.status);
  while (line_end != std::string_view::npos) {
    head.remove_prefix(line_end + 2);
    line_end = head.find("\r\n");
    const auto line = head.substr(0, line_end);
    const auto colon = line.find(": ");
    if (colon != std::string_view::npos) {
      answer.fields.emplace_back(lower(line.substr(0, colon)), line.substr(colon + 2));
    }
  }
}

}  // namespace

std::string HttpAnswer::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &std::pair<std::string, std::string>::first);
  return found == fields.end() ? std::string() : found->second;
}

RawClient::RawClient(std::uint16_t port, int receive_bytes)
    : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_bytes > 0) {
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // A failed connection shows as a closed one in whatever the test does next.
  if (connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close();
  }
}

RawClient::~RawClient() {
  close();
}

RawClient::RawClient(RawClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), received_(std::move(other.received_)) {}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

RawClient::Arrival RawClient::receive_some() {
  pollfd watched{descriptor_, POLLIN, 0};
  if (descriptor_ < 0) {
    return Arrival::closed;
  }
  if (poll(&watched, 1, kPatienceMs) <= 0) {
    return Arrival::timed_out;
  }
  std::array<char, 65'536> bytes{};
  const auto count = recv(descriptor_, bytes.data(), bytes.size(), 0);
  if (count <= 0) {
    return Arrival::closed;
  }
  received_.append(bytes.data(), static_cast<std::size_t>(count));
  return Arrival::bytes;
}

std::string RawClient::receive_until(std::string_view text) {
  std::size_t searched = 0;
  for (;;) {
    const auto found = received_.find(text, searched);
    if (found != std::string::npos) {
      auto taken = received_.substr(0, found + text.size());
      received_.erase(0, taken.size());
      return taken;
    }
    searched = received_.size() - std::min(received_.size(), text.size());
    if (receive_some() != Arrival::bytes) {
      return {};
    }
  }
}

std::optional<std::string> RawClient::receive_all() {
  for (;;) {
    const auto arrival = receive_some();
    if (arrival == Arrival::timed_out) {
      return std::nullopt;
    }
    if (arrival == Arrival::closed) {
      return std::exchange(received_, {});
    }
  }
}

std::optional<std::string> RawClient::take_exactly(std::size_t count) {
  while (received_.size() < count) {
    if (receive_some() != Arrival::bytes) {
      return std::nullopt;
    }
  }
  auto taken = received_.substr(0, count);
  received_.erase(0, count);
  return taken;
}

std::string RawClient::receive_chunks() {
  std::string body;
  for (;;) {
    const auto line = receive_until("\r\n");
    std::size_t size = 0;
    std::from_chars(line.data(), line.data() + line.size(), size, 16);
    const auto chunk = take_exactly(size + 2);
    if (line.empty() || size == 0 || !chunk) {
      return body;
    }
    body += chunk->substr(0, size);
  }
}

HttpAnswer RawClient::receive_answer(std::string_view method) {
  HttpAnswer answer;
  const auto head = receive_until("\r\n\r\n");
  if (head.empty()) {
    return answer;
  }
  parse_fields(head, answer);
  if (method == "HEAD") {
    return answer;
  }
  if (answer.field("transfer-encoding") == "chunked") {
    answer.body = receive_chunks();
  } else if (const auto length = answer.field("content-length"); !length.empty()) {
    std::size_t count = 0;
    std::from_chars(length.data(), length.data() + length.size(), count);
    answer.body = take_exactly(count).value_or("cut short");
  }
  return answer;
}

bool RawClient::sees_close() {
  return received_.empty() && receive_some() == Arrival::closed;
}

void RawClient::shut_sending() {
  shutdown(descriptor_, SHUT_WR);
}

void RawClient::reset() {
  const linger immediate = {1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &immediate, sizeof immediate);
  close();
}

void RawClient::close() {
  if (descriptor_ >= 0) {
    ::close(std::exchange(descriptor_, -1));
  }
}

HttpAnswer answer_to(std::uint16_t port, std::string_view request) {
  RawClient client(port);
  client.send(request);
  return client.receive_answer(request.substr(0, request.find(' ')));
}

std::string post(std::string_view path, std::string_view body, std::string_view fields) {
  std::string request = "POST ";
  request.append(path).append(" HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n");
  request.append(fields).append("Content-Length: ").append(std::to_string(body.size()));
  return request.append("\r\n\r\n").append(body);
}

std::string get(std::string_view path, std::string_view fields) {
  std::string request = "GET ";
  request.append(path).append(" HTTP/1.1\r\nHost: test\r\n").append(fields);
  return request.append("\r\n");
}

}  // namespace troupe::testing
