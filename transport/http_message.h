// One HTTP/1.x request and one answer, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::transport {

enum class HttpMethod : std::uint8_t {
  get,
  head,
  post,
  remove,  // DELETE, which is a keyword
  options,
  other,
};

[[nodiscard]] std::string_view to_string(HttpMethod method);

/// The head of a request, cut down to what this server looks at.
struct HttpHead {
  HttpMethod method = HttpMethod::other;
  std::string path;   // percent-decoded, without the query
  std::string query;  // as it came, without its question mark
  std::int32_t minor_version = 1;
  bool keep_alive = true;  // as the client wants it
  bool expects_continue = false;
  bool has_body = false;
  std::optional<std::uint64_t> content_length;  // none for a chunked body
  std::string authorization;
  std::string content_type;
  std::string request_id;   // X-Request-Id
  std::string traceparent;  // W3C Trace Context
  std::string last_event_id;
};

struct HttpRequest {
  HttpHead head;
  std::string body;
};

/// Why a request cannot be read further. The connection ends with it.
struct HttpProblem {
  std::int32_t status = 400;
  std::string message;
};

using HttpField = std::pair<std::string, std::string>;

struct HttpReply {
  std::int32_t status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<HttpField> fields;
};

/// What of the answer depends on the connection and not on the content.
struct ReplyFrame {
  bool keep_alive = true;
  bool omit_body = false;  // an answer to HEAD
};

/// Appends a whole answer with its Content-Length.
void append_reply(std::string& out, const HttpReply& reply, const ReplyFrame& frame);

/// How the body of a stream is delimited.
enum class StreamFraming : std::uint8_t { chunked, until_close };

/// Appends the head of an event stream.
void append_stream_head(std::string& out,
                        const std::vector<HttpField>& fields,
                        StreamFraming framing,
                        const ReplyFrame& frame);

/// Appends `payload` as one piece of a stream's body.
void append_stream_piece(std::string& out, std::string_view payload, StreamFraming framing);

/// Appends what ends a stream's body.
void append_stream_end(std::string& out, StreamFraming framing);

[[nodiscard]] std::string_view reason_phrase(std::int32_t status);

/// The decoded value of `name` in the query of a target; none when it is not there, or is broken.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

/// Decodes %XX; none when a sequence is broken or the result holds a control character.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

}  // namespace troupe::transport
