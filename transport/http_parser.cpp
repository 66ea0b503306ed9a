#include "transport/http_parser.h"

#include "engine/base/check.h"

// Boost 1.74 uses std::exchange without its header.
#include <utility>
// The formatter must keep this order.
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <optional>

namespace troupe::transport {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

HttpMethod method_of(std::string_view name) {
  for (const auto method : {HttpMethod::get, HttpMethod::head, HttpMethod::post, HttpMethod::remove,
                            HttpMethod::options}) {
    if (to_string(method) == name) {
      return method;
    }
  }
  return HttpMethod::other;
}

bool is_token_character(char character) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') ||
         kOthers.find(character) != std::string_view::npos;
}

bool is_visible(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return byte > 0x20 && byte != 0x7F;
}

bool same_word(std::string_view left, std::string_view right) {
  return beast::iequals(beast::string_view(left.data(), left.size()),
                        beast::string_view(right.data(), right.size()));
}

bool is_digit(char character) {
  return character >= '0' && character <= '9';
}

// Judges the request line alone, so that garbage is answered at once and with the right status:
// the library has one error for a version that is unknown and for one that cannot be read.
std::optional<HttpProblem> judge_request_line(std::string_view line) {
  const auto method_end = line.find(' ');
  const auto method = line.substr(0, method_end);
  if (method_end == std::string_view::npos || method.empty() ||
      !std::ranges::all_of(method, is_token_character)) {
    return HttpProblem{400, "the request line is not HTTP"};
  }
  const auto rest = line.substr(method_end + 1);
  const auto target_end = rest.find(' ');
  if (rest.empty() || !std::ranges::all_of(rest.substr(0, target_end), is_visible)) {
    return HttpProblem{400, "the request target is not a URI"};
  }
  const auto version =
      target_end == std::string_view::npos ? std::string_view() : rest.substr(target_end + 1);
  constexpr std::string_view kPrefix = "HTTP/";
  const auto readable =
      version.empty() || (version.size() == kPrefix.size() + 3 && version.starts_with(kPrefix) &&
                          is_digit(version[5]) && version[6] == '.' && is_digit(version[7]));
  if (!readable) {
    return HttpProblem{400, "the HTTP version cannot be read"};
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return HttpProblem{505, "this server speaks HTTP/1.1 and HTTP/1.0"};
  }
  return std::nullopt;
}

// The library's parser with its events turned into an HttpHead and a body.
class BeastParser : public http::basic_parser<true> {
 public:
  BeastParser(const Limits& limits, HttpRequest& request) : limits_(limits), request_(request) {
    header_limit(static_cast<std::uint32_t>(limits.max_head_bytes + limits.max_request_line_bytes));
    // Ours knows 413 from 400; the library's own is left for sizes that are absurd, not large.
    constexpr std::uint64_t kAbsurd = std::uint64_t{1} << 62U;
    body_limit(kAbsurd);
    eager(false);
  }

  [[nodiscard]] std::optional<HttpProblem>& problem() { return problem_; }

 private:
  using ErrorType = beast::error_code;

  void refuse(std::int32_t status, std::string message, ErrorType& error) {
    problem_ = HttpProblem{status, std::move(message)};
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb /*verb*/,
                       beast::string_view method,
                       beast::string_view target,
                       int version,
                       ErrorType& error) override {
    auto& head = request_.head;
    head.method = method_of(view(method));
    head.minor_version = version % 10;
    const auto query = view(target).find_first_of("?#");
    if (query != std::string_view::npos && target[query] == '?') {
      head.query = view(target).substr(query + 1);
    }
    auto path = percent_decode(view(target).substr(0, query));
    if (!path) {
      refuse(400, "the request target is not a URI", error);
      return;
    }
    head.path = std::move(*path);
  }

  void on_field_impl(http::field name,
                     beast::string_view raw_name,
                     beast::string_view value,
                     ErrorType& error) override {
    if (++num_fields_ > limits_.max_head_fields) {
      refuse(431, "more than " + std::to_string(limits_.max_head_fields) + " header fields", error);
      return;
    }
    if (!is_header_done()) {
      take_field(name, view(raw_name), view(value), error);
    }
  }

  void take_field(http::field name,
                  std::string_view raw_name,
                  std::string_view value,
                  ErrorType& error) {
    auto& head = request_.head;
    switch (name) {
      case http::field::host:
        ++num_hosts_;
        return;
      case http::field::expect:
        head.expects_continue = true;
        if (!same_word(value, "100-continue")) {
          refuse(417, "the only expectation that can be met is 100-continue", error);
        }
        return;
      case http::field::transfer_encoding:
        judge_transfer_coding(value, error);
        return;
      case http::field::authorization:
        take_once(head.authorization, value, error);
        return;
      case http::field::content_type:
        take_once(head.content_type, value, error);
        return;
      default:
        break;
    }
    if (same_word(raw_name, "x-request-id")) {
      head.request_id = value;
    } else if (same_word(raw_name, "traceparent")) {
      head.traceparent = value;
    } else if (same_word(raw_name, "last-event-id")) {
      head.last_event_id = value;
    }
  }

  void judge_transfer_coding(std::string_view value, ErrorType& error) {
    if (!same_word(value, "chunked")) {
      refuse(501, "the only transfer coding that is understood is chunked", error);
    } else if (request_.head.minor_version == 0) {
      refuse(400, "HTTP/1.0 has no transfer codings", error);
    }
  }

  // Two different keys or types would let two readers of this request disagree.
  void take_once(std::string& field, std::string_view value, ErrorType& error) {
    if (!field.empty()) {
      refuse(400, "a header field that may come once comes twice", error);
      return;
    }
    field = value;
  }

  void on_header_impl(ErrorType& error) override {
    auto& head = request_.head;
    if (num_hosts_ != 1 && (head.minor_version != 0 || num_hosts_ > 1)) {
      refuse(400, "a request has exactly one Host field", error);
      return;
    }
    head.keep_alive = keep_alive();
    if (const auto length = content_length()) {
      head.content_length = *length;
    }
    head.has_body = chunked() || head.content_length.value_or(0) > 0;
    judge_body_size(head.content_length.value_or(0), error);
  }

  void judge_body_size(std::uint64_t size, ErrorType& error) {
    if (size > limits_.max_body_bytes - request_.body.size()) {
      refuse(413, "the body is larger than " + std::to_string(limits_.max_body_bytes) + " bytes",
             error);
    }
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length,
                         ErrorType& /*error*/) override {
    // What was promised is not yet there: memory follows the bytes, not the promise.
    constexpr std::uint64_t kFirstReserve = 64 * kKibibyte;
    request_.body.reserve(std::min(length.value_or(0), kFirstReserve));
  }

  std::size_t on_body_impl(beast::string_view piece, ErrorType& /*error*/) override {
    request_.body.append(piece.data(), piece.size());
    return piece.size();
  }

  void on_chunk_header_impl(std::uint64_t size,
                            beast::string_view /*extensions*/,
                            ErrorType& error) override {
    judge_body_size(size, error);
  }

  std::size_t on_chunk_body_impl(std::uint64_t /*remaining*/,
                                 beast::string_view piece,
                                 ErrorType& /*error*/) override {
    request_.body.append(piece.data(), piece.size());
    return piece.size();
  }

  void on_finish_impl(ErrorType& /*error*/) override {}

  void on_response_impl(int /*status*/,
                        beast::string_view /*reason*/,
                        int /*version*/,
                        ErrorType& /*error*/) override {}

  const Limits& limits_;
  HttpRequest& request_;
  std::optional<HttpProblem> problem_;
  std::size_t num_fields_ = 0;
  std::size_t num_hosts_ = 0;
};

}  // namespace

class HttpParser::Impl {
 public:
  explicit Impl(const Limits& limits) : limits_(limits), beast_(limits, request_) {}

  std::size_t put(std::string_view bytes) {
    if (state_ == State::in_head) {
      return put_head(bytes);
    }
    return state_ == State::in_body ? put_body(bytes) : 0;
  }

  [[nodiscard]] State state() const { return state_; }

  [[nodiscard]] bool started() const { return started_; }

  [[nodiscard]] const HttpProblem& problem() const { return *problem_; }

  [[nodiscard]] HttpRequest& request() { return request_; }

 private:
  std::size_t put_head(std::string_view bytes) {
    // RFC 9112, section 2.2: empty lines before a request line are ignored.
    std::size_t num_skipped = 0;
    while (!started_ && bytes.substr(num_skipped).starts_with("\r\n")) {
      num_skipped += 2;
    }
    const auto text = bytes.substr(num_skipped);
    if (text.empty() || text == "\r") {
      return num_skipped;
    }
    started_ = true;
    if (!judge_start(text)) {
      return num_skipped;
    }
    return num_skipped + take_head(text);
  }

  // True when the request line is there and can be served.
  bool judge_start(std::string_view text) {
    if (line_judged_) {
      return true;
    }
    if (!is_token_character(text.front())) {
      return refuse(400, "the request line is not HTTP");
    }
    const auto end = text.find('\n');
    const auto line_bytes = std::min(end, text.size());
    if (line_bytes > limits_.max_request_line_bytes) {
      return refuse(414, "the request line is longer than " +
                             std::to_string(limits_.max_request_line_bytes) + " bytes");
    }
    if (end == std::string_view::npos) {
      return false;
    }
    if (text[end - 1] != '\r') {
      return refuse(400, "lines of a head end with CR and LF");
    }
    if (auto problem = judge_request_line(text.substr(0, end - 1))) {
      return refuse(problem->status, std::move(problem->message));
    }
    line_bytes_ = end + 1;
    line_judged_ = true;
    return true;
  }

  std::size_t take_head(std::string_view text) {
    constexpr std::string_view kEnd = "\r\n\r\n";
    // The end may begin with the request line's own line break.
    const auto from = std::max(line_bytes_ - 2, num_scanned_);
    const auto found = text.find(kEnd, from);
    const auto block = found == std::string_view::npos ? text : text.substr(0, found + kEnd.size());
    if (block.size() - line_bytes_ > limits_.max_head_bytes) {
      refuse(431, "the header is larger than " + std::to_string(limits_.max_head_bytes) + " bytes");
      return 0;
    }
    if (found == std::string_view::npos) {
      num_scanned_ = text.size() - std::min(text.size(), kEnd.size() - 1);
      return 0;
    }
    beast::error_code error;
    beast_.put({block.data(), block.size()}, error);
    if (!settle(error)) {
      return 0;
    }
    state_ = beast_.is_done() ? State::done : State::in_body;
    return block.size();
  }

  std::size_t put_body(std::string_view bytes) {
    std::size_t num_taken = 0;
    while (!beast_.is_done()) {
      const auto rest = bytes.substr(num_taken);
      if (rest.empty()) {
        return num_taken;
      }
      beast::error_code error;
      num_taken += beast_.put({rest.data(), rest.size()}, error);
      if (error == http::error::need_more) {
        // Only a chunk's header or the trailer waits for more with bytes at hand.
        if (bytes.size() - num_taken > limits_.max_head_bytes) {
          refuse(400, "a chunk's header or the trailer is too large");
        }
        return num_taken;
      }
      if (!settle(error)) {
        return num_taken;
      }
    }
    state_ = State::done;
    return num_taken;
  }

  // True when there was no error.
  bool settle(const beast::error_code& error) {
    if (!error) {
      return true;
    }
    if (auto& known = beast_.problem()) {
      return refuse(known->status, std::move(known->message));
    }
    return refuse(error == http::error::header_limit ? 431 : 400,
                  "the request is malformed: " + error.message());
  }

  // Always false, so that a caller can return it.
  bool refuse(std::int32_t status, std::string message) {
    problem_ = HttpProblem{status, std::move(message)};
    state_ = State::refused;
    return false;
  }

  const Limits& limits_;
  HttpRequest request_;
  BeastParser beast_;
  State state_ = State::in_head;
  std::optional<HttpProblem> problem_;
  bool started_ = false;
  bool line_judged_ = false;
  std::size_t line_bytes_ = 0;   // of the request line with its end
  std::size_t num_scanned_ = 0;  // bytes of the head that cannot begin its end
};

HttpParser::HttpParser(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}

HttpParser::~HttpParser() = default;
HttpParser::HttpParser(HttpParser&&) noexcept = default;
HttpParser& HttpParser::operator=(HttpParser&&) noexcept = default;

std::size_t HttpParser::put(std::string_view bytes) {
  return impl_->put(bytes);
}

HttpParser::State HttpParser::state() const {
  return impl_->state();
}

bool HttpParser::started() const {
  return impl_->started();
}

const HttpProblem& HttpParser::problem() const {
  TROUPE_CHECK(state() == State::refused, "there is no problem");
  return impl_->problem();
}

const HttpHead& HttpParser::head() const {
  return impl_->request().head;
}

const std::string& HttpParser::body() const {
  return impl_->request().body;
}

HttpRequest HttpParser::take() {
  TROUPE_CHECK(state() == State::done, "the request is not complete");
  return std::move(impl_->request());
}

}  // namespace troupe::transport
