#include "transport/http_message.h"

#include <array>
#include <charconv>

namespace troupe::transport {
namespace {

void append_status_line(std::string& out, std::int32_t status) {
  out += "HTTP/1.1 ";
  out += std::to_string(status);
  out += ' ';
  out += reason_phrase(status);
  out += "\r\n";
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void append_fields(std::string& out, const std::vector<HttpField>& fields) {
  for (const auto& [name, value] : fields) {
    append_field(out, name, value);
  }
}

// RFC 9110, section 8.6: no Content-Length where there can be no content.
bool may_have_content(std::int32_t status) {
  return status >= 200 && status != 204;
}

std::optional<unsigned> hex_digit(char character) {
  if (character >= '0' && character <= '9') {
    return static_cast<unsigned>(character - '0');
  }
  const auto lower = static_cast<char>(character | ' ');
  if (lower >= 'a' && lower <= 'f') {
    return static_cast<unsigned>(lower - 'a') + 10;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(HttpMethod method) {
  constexpr std::array<std::string_view, 6> kNames = {"GET",    "HEAD",    "POST",
                                                      "DELETE", "OPTIONS", "other"};
  return kNames.at(static_cast<std::size_t>(method));
}

std::string_view reason_phrase(std::int32_t status) {
  struct Phrase {
    std::int32_t status;
    std::string_view text;
  };

  static constexpr Phrase kPhrases[] = {
      {200, "OK"},
      {204, "No Content"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {499, "Client Closed Request"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& phrase : kPhrases) {
    if (phrase.status == status) {
      return phrase.text;
    }
  }
  return "Unknown";
}

void append_reply(std::string& out, const HttpReply& reply, const ReplyFrame& frame) {
  append_status_line(out, reply.status);
  append_fields(out, reply.fields);
  if (may_have_content(reply.status)) {
    append_field(out, "Content-Type", reply.content_type);
    append_field(out, "Content-Length", std::to_string(reply.body.size()));
  }
  append_field(out, "Connection", frame.keep_alive ? "keep-alive" : "close");
  out += "\r\n";
  if (may_have_content(reply.status) && !frame.omit_body) {
    out += reply.body;
  }
}

void append_stream_head(std::string& out,
                        const std::vector<HttpField>& fields,
                        StreamFraming framing,
                        const ReplyFrame& frame) {
  append_status_line(out, 200);
  append_fields(out, fields);
  append_field(out, "Content-Type", "text/event-stream; charset=utf-8");
  append_field(out, "Cache-Control", "no-cache");
  append_field(out, "X-Accel-Buffering", "no");
  if (framing == StreamFraming::chunked) {
    append_field(out, "Transfer-Encoding", "chunked");
  }
  append_field(out, "Connection", frame.keep_alive ? "keep-alive" : "close");
  out += "\r\n";
}

void append_stream_piece(std::string& out, std::string_view payload, StreamFraming framing) {
  if (framing == StreamFraming::until_close) {
    out += payload;
    return;
  }
  // An empty chunk would end the body.
  if (payload.empty()) {
    return;
  }
  char digits[16];
  const auto written = std::to_chars(std::begin(digits), std::end(digits), payload.size(), 16);
  out.append(std::begin(digits), written.ptr);
  out += "\r\n";
  out += payload;
  out += "\r\n";
}

void append_stream_end(std::string& out, StreamFraming framing) {
  if (framing == StreamFraming::chunked) {
    out += "0\r\n\r\n";
  }
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto part = query.substr(0, end);
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=') {
      return percent_decode(part.substr(name.size() + 1));
    }
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return std::nullopt;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char character = text[i];
    if (character == '%') {
      const auto complete = i + 2 < text.size();
      const auto high = complete ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = complete ? hex_digit(text[i + 2]) : std::nullopt;
      if (!high || !low) {
        return std::nullopt;
      }
      character = static_cast<char>(*high * 16 + *low);
      i += 2;
    }
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7F) {
      return std::nullopt;
    }
    decoded += character;
  }
  return decoded;
}

}  // namespace troupe::transport
