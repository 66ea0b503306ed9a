#include "tests/system/wire_client.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <sstream>
#include <utility>

namespace troupe::system_test {
namespace {

using nlohmann::json;

constexpr std::size_t kReadBytes = 16'384;

std::string without_chunks(const std::string& body) {
  std::string whole;
  std::size_t place = 0;
  for (;;) {
    const auto end_of_size = body.find("\r\n", place);
    if (end_of_size == std::string::npos) {
      return whole;  // cut off: the caller's checks will say so
    }
    const auto size = std::stoul(body.substr(place, end_of_size - place), nullptr, 16);
    if (size == 0) {
      return whole;
    }
    whole += body.substr(end_of_size + 2, size);
    place = end_of_size + 2 + size + 2;
  }
}

HttpResponse ask(std::uint16_t port, const std::string& request) {
  Connection connection(port);
  connection.send(request);
  const auto bytes = connection.read_rest();
  const auto end_of_head = bytes.find("\r\n\r\n");
  INFO("answer: ", bytes);
  REQUIRE(bytes.starts_with("HTTP/1.1 "));
  REQUIRE(end_of_head != std::string::npos);
  HttpResponse response{.status = std::stoi(bytes.substr(9, 3)),
                        .head = bytes.substr(0, end_of_head + 2),
                        .body = bytes.substr(end_of_head + 4)};
  if (response.head.find("chunked") != std::string::npos) {
    response.body = without_chunks(response.body);
  }
  return response;
}

}  // namespace

Connection::Connection(std::uint16_t port)
    : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API asks for it.
  const auto* place = reinterpret_cast<const sockaddr*>(&address);
  const int connected = connect(socket_, place, sizeof(address));
  REQUIRE(connected == 0);
}

Connection::~Connection() {
  if (socket_ >= 0) {
    close(socket_);
  }
}

Connection::Connection(Connection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)) {}

void Connection::send(const std::string& bytes) const {
  std::size_t num_sent = 0;
  while (num_sent < bytes.size()) {
    const auto sent =
        ::send(socket_, bytes.data() + num_sent, bytes.size() - num_sent, MSG_NOSIGNAL);
    REQUIRE(sent > 0);
    num_sent += static_cast<std::size_t>(sent);
  }
}

bool Connection::fill() {
  std::array<char, kReadBytes> piece{};
  const auto received = recv(socket_, piece.data(), piece.size(), 0);
  if (received <= 0) {
    return false;
  }
  buffer_.append(piece.data(), static_cast<std::size_t>(received));
  return true;
}

std::string Connection::read_line() {
  while (buffer_.find('\n') == std::string::npos) {
    if (!fill()) {
      return {};
    }
  }
  const auto end = buffer_.find('\n');
  auto line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

std::string Connection::read_rest() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

HttpResponse get(std::uint16_t port, const std::string& path) {
  return ask(port, "GET " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
}

HttpResponse post(std::uint16_t port, const std::string& path, const json& body) {
  const auto text = body.dump();
  return ask(port, "POST " + path +
                       " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
                       "Content-Type: application/json\r\nContent-Length: " +
                       std::to_string(text.size()) + "\r\n\r\n" + text);
}

std::vector<json> events_of(const HttpResponse& response) {
  std::vector<json> events;
  bool done = false;
  std::istringstream lines(response.body);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("data: ")) {
      continue;
    }
    REQUIRE_FALSE(done);
    if (line.starts_with("data: [DONE]")) {
      done = true;
    } else {
      events.push_back(json::parse(line.substr(6)));
    }
  }
  INFO("stream: ", response.body);
  REQUIRE(done);
  return events;
}

double metric(std::uint16_t http_port, const std::string& name, const std::string& label) {
  const auto page = get(http_port, "/metrics");
  REQUIRE(page.status == 200);
  std::istringstream lines(page.body);
  double sum = 0.0;
  bool found = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + "{") && line.find(label) != std::string::npos) {
      sum += std::stod(line.substr(line.rfind(' ') + 1));
      found = true;
    }
  }
  INFO("no sample of ", name, " with ", label, " in ", page.body);
  REQUIRE(found);
  return sum;
}

LineConnection::LineConnection(std::uint16_t tcp_port) : connection_(tcp_port) {
  const auto greeting = receive();
  REQUIRE(greeting.contains("tlp"));
}

void LineConnection::send(const json& message) const {
  connection_.send(message.dump() + "\n");
}

json LineConnection::receive() {
  const auto line = connection_.read_line();
  return line.empty() ? json() : json::parse(line);
}

std::string LineConnection::read_answer(const std::string& id, json& end) {
  std::string text;
  for (;;) {
    auto event = receive();
    REQUIRE_FALSE(event.is_null());
    if (event.value("id", "") != id) {
      continue;
    }
    const auto kind = event.value("ev", "");
    if (kind == "delta") {
      text += event.value("text", "");
    } else if (kind == "done" || kind == "error") {
      end = std::move(event);
      return text;
    }
  }
}

std::string numbered(const std::string& name, std::int32_t number) {
  return name + std::to_string(number);
}

json chat_line(const std::string& id, const std::string& question, std::int32_t max_tokens) {
  const json message = {{"role", "user"}, {"content", question}};
  return {{"op", "chat"},
          {"id", id},
          {"body",
           {{"messages", json::array({message})}, {"temperature", 0}, {"max_tokens", max_tokens}}}};
}

}  // namespace troupe::system_test
