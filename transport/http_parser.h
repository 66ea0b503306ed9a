// HTTP/1.x requests (RFC 9112) from bytes, a pure function of them. What is too long, too many or
// ambiguous is refused before anything else looks at it. The library behind it stands in
// http_parser.cpp alone.
#pragma once

#include "transport/http_message.h"
#include "transport/limits.h"

#include <cstddef>
#include <memory>
#include <string_view>

namespace troupe::transport {

/// Reads one request; make a new one for the next. Not thread-safe.
class HttpParser {
 public:
  enum class State : std::uint8_t { in_head, in_body, done, refused };

  /// `limits` must outlive the parser.
  explicit HttpParser(const Limits& limits);
  ~HttpParser();
  HttpParser(HttpParser&&) noexcept;
  HttpParser& operator=(HttpParser&&) noexcept;

  /// Takes bytes from the front of `bytes` and gives how many. Bytes that it does not take must
  /// come again, with more behind them. A head is taken whole or not at all; after a head it stops,
  /// so that the caller can judge it before the body.
  std::size_t put(std::string_view bytes);

  [[nodiscard]] State state() const;

  /// True when a byte of this request has been seen.
  [[nodiscard]] bool started() const;

  /// Why it was refused. In state `refused` only.
  [[nodiscard]] const HttpProblem& problem() const;

  /// In the states `in_body` and `done`.
  [[nodiscard]] const HttpHead& head() const;

  /// The part of the body that is there, decoded.
  [[nodiscard]] const std::string& body() const;

  /// Moves the request out. In state `done` only.
  [[nodiscard]] HttpRequest take();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace troupe::transport
