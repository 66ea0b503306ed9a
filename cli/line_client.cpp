#include "cli/line_client.h"

#include "transport/json_reader.h"
#include "transport/json_writer.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace troupe::cli {
namespace {

using transport::find_member;
using transport::JsonObject;
using transport::JsonValue;
using transport::JsonWriter;

constexpr std::size_t kReadBytes = 16'384;
constexpr std::size_t kMaxLineBytes = std::size_t{8} << 20U;  // a server's line; beyond: `io`

std::string text_member(const JsonObject& object, std::string_view name) {
  const auto* member = find_member(object, name);
  const auto* text = member == nullptr ? nullptr : member->text();
  return text == nullptr ? std::string() : *text;
}

double number_member(const JsonObject& object, std::string_view name) {
  const auto* member = find_member(object, name);
  return member == nullptr ? 0.0 : member->number().value_or(0.0);
}

const JsonObject* object_member(const JsonObject& object, std::string_view name) {
  const auto* member = find_member(object, name);
  return member == nullptr ? nullptr : member->object();
}

void write_prompt(JsonWriter& json, const LineRequest& request) {
  if (const auto* text = std::get_if<std::string>(&request.prompt)) {
    json.member("prompt", *text);
    return;
  }
  json.key("messages").begin_array();
  for (const auto& message : std::get<std::vector<ChatMessage>>(request.prompt)) {
    json.begin_object();
    json.member("role", message.role).member("content", message.content);
    json.end_object();
  }
  json.end_array();
}

std::string to_line(const LineRequest& request) {
  std::string line;
  JsonWriter json(line);
  const bool is_chat = !std::holds_alternative<std::string>(request.prompt);
  json.begin_object();
  json.member("op", is_chat ? "chat" : "complete").member("id", request.id);
  json.key("body").begin_object();
  write_prompt(json, request);
  const auto write_if_set = [&json](std::string_view name, const auto& value) {
    if (value) {
      json.member(name, *value);
    }
  };
  write_if_set("max_tokens", request.max_tokens);
  write_if_set("temperature", request.temperature);
  write_if_set("top_p", request.top_p);
  write_if_set("seed", request.seed);
  json.end_object();
  json.end_object();
  return line;
}

LineEvent to_event(const JsonObject& object) {
  LineEvent event;
  event.id = text_member(object, "id");
  const auto name = text_member(object, "ev");
  if (name == "delta") {
    event.kind = LineEvent::Kind::text;
    event.text = text_member(object, "text");
  } else if (name == "done") {
    event.kind = LineEvent::Kind::done;
    event.finish_reason = text_member(object, "finish_reason");
    if (const auto* usage = object_member(object, "usage")) {
      event.num_output_tokens =
          static_cast<std::int64_t>(number_member(*usage, "completion_tokens"));
    }
    if (const auto* metrics = object_member(object, "metrics")) {
      event.time_to_first_token_ms = number_member(*metrics, "time_to_first_token_ms");
      event.tokens_per_second = number_member(*metrics, "tokens_per_second");
    }
  } else if (name == "error") {
    event.kind = LineEvent::Kind::error;
    const auto* error = object_member(object, "error");
    event.text = error == nullptr ? "the server gave no reason" : text_member(*error, "message");
  }
  return event;
}

// A connected socket, or -1 with errno set.
int connect_to(const addrinfo& place) {
  const int descriptor =
      socket(place.ai_family, place.ai_socktype | SOCK_CLOEXEC, place.ai_protocol);
  if (descriptor < 0) {
    return -1;
  }
  if (::connect(descriptor, place.ai_addr, place.ai_addrlen) == 0) {
    return descriptor;
  }
  const int reason = errno;
  close(descriptor);
  errno = reason;
  return -1;
}

}  // namespace

Result<LineClient> LineClient::connect(const Address& address, const std::string& api_key) {
  const auto name = address.host + ":" + std::to_string(address.port);
  addrinfo wish{};
  wish.ai_socktype = SOCK_STREAM;
  addrinfo* places = nullptr;
  if (const int problem =
          getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &wish, &places);
      problem != 0) {
    return fail(ErrorCode::io, "cannot find " + name + ": " + gai_strerror(problem));
  }
  int descriptor = -1;
  for (const auto* place = places; place != nullptr && descriptor < 0; place = place->ai_next) {
    descriptor = connect_to(*place);
  }
  const int reason = errno;
  freeaddrinfo(places);
  if (descriptor < 0) {
    return fail(ErrorCode::io, "cannot connect to " + name + ": " + std::strerror(reason) +
                                   "; is 'troupe serve' running there?");
  }
  LineClient client(descriptor);
  if (auto greeted = client.greet(api_key); !greeted) {
    return pass(std::move(greeted));
  }
  return client;
}

LineClient::~LineClient() {
  if (socket_ >= 0) {
    close(socket_);
  }
}

LineClient::LineClient(LineClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      buffer_(std::move(other.buffer_)),
      greeting_(std::move(other.greeting_)) {}

Result<void> LineClient::greet(const std::string& api_key) {
  auto line = receive_line();
  if (!line) {
    return pass(std::move(line));
  }
  const auto value = transport::read_json(*line, {});
  const auto* object = value ? value->object() : nullptr;
  if (object == nullptr || find_member(*object, "tlp") == nullptr) {
    return fail(ErrorCode::io, "the other side does not speak TLP/1; is it the --tcp-port?");
  }
  greeting_ = {.model = text_member(*object, "model"),
               .max_model_len = static_cast<std::int64_t>(number_member(*object, "max_model_len"))};
  const auto* auth = find_member(*object, "auth");
  const auto* asks_for_key = auth == nullptr ? nullptr : auth->boolean();
  if (asks_for_key == nullptr || !*asks_for_key) {
    return {};
  }
  if (api_key.empty()) {
    return fail(ErrorCode::unauthorized, "the server asks for a key: --api-key, or TROUPE_API_KEY");
  }
  std::string hello;
  JsonWriter(hello).begin_object().member("op", "hello").member("key", api_key).end_object();
  return send_line(std::move(hello));
}

Result<void> LineClient::send(const LineRequest& request) {
  return send_line(to_line(request));
}

Result<void> LineClient::cancel(const std::string& id) {
  std::string line;
  JsonWriter(line).begin_object().member("op", "cancel").member("id", id).end_object();
  return send_line(std::move(line));
}

Result<void> LineClient::send_line(std::string line) {
  line += '\n';
  for (std::string_view rest = line; !rest.empty();) {
    const auto sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent < 0) {
      return fail(ErrorCode::io, std::string("the connection is gone: ") + std::strerror(errno));
    }
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::string> LineClient::receive_line() {
  std::array<char, kReadBytes> piece{};
  while (!has_line()) {
    if (buffer_.size() > kMaxLineBytes) {
      return fail(ErrorCode::io, "the server sent a line without an end");
    }
    const auto received = recv(socket_, piece.data(), piece.size(), 0);
    if (received < 0 && errno == EINTR) {
      continue;
    }
    if (received <= 0) {
      return fail(ErrorCode::io,
                  received == 0 ? "the server closed the connection"
                                : std::string("the connection is gone: ") + std::strerror(errno));
    }
    buffer_.append(piece.data(), static_cast<std::size_t>(received));
  }
  const auto end = buffer_.find('\n');
  auto line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

Result<LineEvent> LineClient::receive() {
  auto line = receive_line();
  if (!line) {
    return pass(std::move(line));
  }
  const auto value = transport::read_json(*line, {});
  if (!value || value->object() == nullptr) {
    return fail(ErrorCode::io, "the server sent something that is no line of TLP/1");
  }
  return to_event(*value->object());
}

}  // namespace troupe::cli
