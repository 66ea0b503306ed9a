// Requests from bytes: what is read, in whatever pieces, and what is refused with which status.
#include "transport/http_parser.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace troupe::transport;

namespace {

const Limits kLimits;

// Feeds `bytes` in pieces of at most `piece` and gives what was left over.
std::string feed(HttpParser& parser, std::string_view bytes, std::size_t piece) {
  std::string input;
  while (parser.state() != HttpParser::State::done &&
         parser.state() != HttpParser::State::refused) {
    const auto taken = parser.put(input);
    input.erase(0, taken);
    if (taken > 0) {
      continue;
    }
    if (bytes.empty()) {
      break;
    }
    input += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return input.append(bytes);
}

std::int32_t status_of(std::string_view bytes) {
  HttpParser parser(kLimits);
  feed(parser, bytes, 4096);
  if (parser.state() != HttpParser::State::refused) {
    return parser.state() == HttpParser::State::done ? 200 : 0;
  }
  return parser.problem().status;
}

TEST_CASE("a request reads the same in whatever pieces it comes") {
  const std::string bytes =
      "\r\nPOST /v1/models/a%20b?x=1 HTTP/1.1\r\nHost: h\r\nX-Request-ID: r1\r\n"
      "Authorization: Bearer k\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: t\r\n\r\nGET";
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 4096U}) {
    CAPTURE(piece);
    HttpParser parser(kLimits);

    const auto rest = feed(parser, bytes, piece);

    REQUIRE(parser.state() == HttpParser::State::done);
    const auto request = parser.take();
    CHECK(request.head.method == HttpMethod::post);
    CHECK(request.head.path == "/v1/models/a b");
    CHECK(request.head.request_id == "r1");
    CHECK(request.head.authorization == "Bearer k");
    CHECK(request.head.expects_continue);
    CHECK(request.head.keep_alive);
    CHECK(request.body == "hello!");
    CHECK(rest == "GET");
  }
}

TEST_CASE("the end of a connection is read from version and field") {
  const auto keep_alive = [](std::string_view bytes) {
    HttpParser parser(kLimits);
    feed(parser, bytes, 4096);
    REQUIRE(parser.state() == HttpParser::State::done);
    return parser.head().keep_alive;
  };
  CHECK(keep_alive("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  CHECK_FALSE(keep_alive("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  CHECK_FALSE(keep_alive("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keep_alive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST_CASE("garbage is refused with 400 as soon as it shows") {
  CHECK(status_of(std::string("\0\0\0", 3)) == 400);
  CHECK(status_of("\x16\x03\x01") == 400);
  CHECK(status_of("hello\r\n") == 400);
  CHECK(status_of("GET  / HTTP/1.1\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\n") == 400);
  CHECK(status_of("G(T / HTTP/1.1\r\n") == 400);
  CHECK(status_of("GET / HTTX/1.1\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1 \r\n") == 400);
  CHECK(status_of("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
  CHECK(status_of("GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost : h\r\n\r\n") == 400);
  CHECK(status_of(std::string("GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n", 33)) == 400);
}

TEST_CASE("a version that is not spoken is refused with 505") {
  CHECK(status_of("GET /\r\n") == 505);
  CHECK(status_of("GET / HTTP/0.9\r\n") == 505);
  CHECK(status_of("GET / HTTP/3.7\r\n") == 505);
  CHECK(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
}

TEST_CASE("a head beyond its limits is refused, and one that just fits is not") {
  const auto with_path = [](std::size_t line_bytes) {
    const std::string frame = "GET / HTTP/1.1\r";
    return "GET /" + std::string(line_bytes - frame.size(), 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  CHECK(status_of(with_path(kLimits.max_request_line_bytes)) == 200);
  CHECK(status_of(with_path(kLimits.max_request_line_bytes + 1)) == 414);
  CHECK(status_of("GET /" + std::string(20'000, 'a')) == 414);

  const auto with_block = [](std::size_t block_bytes) {
    const std::string frame = "Host: h\r\nA: \r\n\r\n";
    return "GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(block_bytes - frame.size(), 'a') +
           "\r\n\r\n";
  };
  CHECK(status_of(with_block(kLimits.max_head_bytes)) == 200);
  CHECK(status_of(with_block(kLimits.max_head_bytes + 1)) == 431);
  CHECK(status_of("GET / HTTP/1.1\r\nA: " + std::string(1'000'000, 'a')) == 431);

  const auto with_fields = [](std::size_t count) {
    std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (std::size_t i = 1; i < count; ++i) {
      head += "A: b\r\n";
    }
    return head + "\r\n";
  };
  CHECK(status_of(with_fields(kLimits.max_head_fields)) == 200);
  CHECK(status_of(with_fields(kLimits.max_head_fields + 1)) == 431);
  CHECK(status_of(with_fields(10'000)) == 431);
}

TEST_CASE("what two readers could take for different requests is refused") {
  const auto with = [](std::string_view fields) {
    return status_of("POST / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n\r\n");
  };
  CHECK(with("Content-Length: -1") == 400);
  CHECK(with("Content-Length: abc") == 400);
  CHECK(with("Content-Length: 1\r\nContent-Length: 2") == 400);
  CHECK(with("Content-Length: 1, 2") == 400);
  CHECK(with("Content-Length: 18446744073709551616") == 400);
  CHECK(with("Content-Length: 5\r\nTransfer-Encoding: chunked") == 400);
  CHECK(with("Transfer-Encoding: chunked\r\nContent-Length: 5") == 400);
  CHECK(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked") == 400);
  CHECK(with("Transfer-Encoding: gzip") == 501);
  CHECK(with("Transfer-Encoding: gzip, chunked") == 501);
  CHECK(with("Expect: a-miracle") == 417);
  CHECK(with("Authorization: Bearer a\r\nAuthorization: Bearer b") == 400);
  CHECK(with("Host: other") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
}

TEST_CASE("a body beyond its limit is refused before it is read") {
  const auto announced = [](std::size_t bytes) {
    return status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(bytes) +
                     "\r\n\r\n");
  };
  CHECK(announced(kLimits.max_body_bytes) == 0);
  CHECK(announced(kLimits.max_body_bytes + 1) == 413);

  const std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(status_of(chunked + "400001\r\n") == 413);
  CHECK(status_of(chunked + "FFFFFFFFFFFFFFFF\r\n") == 400);
  CHECK(status_of(chunked + "xyz\r\n") == 400);
  CHECK(status_of(chunked + "3\r\nabcd\r\n0\r\n\r\n") == 400);
  CHECK(status_of(chunked + "1;" + std::string(40'000, 'e')) == 400);
}

TEST_CASE(
    "whatever bytes come, the parser ends in one of its states and takes no more than it got") {
  const std::string seed_request =
      "POST /v1/completions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n0\r\n\r\n";
  for (std::uint32_t seed = 0; seed < 5'000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    auto bytes = seed_request;
    for (auto left = 1 + random() % 4; left > 0; --left) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    }
    HttpParser parser(kLimits);
    feed(parser, bytes, 1 + random() % 40);
    CHECK((parser.state() != HttpParser::State::refused || parser.problem().status >= 400));
  }
}

}  // namespace
