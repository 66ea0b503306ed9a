// Mutated requests against a live server: whatever comes in, what goes out is an answer of the
// right class or an orderly close, and the next client is served.
#include "tests/transport/test_server.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::testing;

namespace {

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> kSeeds = {
      get("/health"),
      get("/v1/models/tiny"),
      post("/v1/completions", R"({"prompt":[1,2],"max_tokens":5,"logit_bias":{"5":1.5}})"),
      post("/v1/chat/completions",
           R"({"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true,
           "stream_options":{"include_usage":true},"stop":["a"],"seed":7,"temperature":0.5})"),
      post("/tokenize", R"({"prompt":"h\u00e9llo"})", "X-Request-Id: abc\r\n"),
      "POST /detokenize HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"tokens\r\n7\r\n\":[104]}\r\n0\r\n\r\n",
      "DELETE /v1/requests/x HTTP/1.1\r\nHost: h\r\n\r\n",
  };
  return kSeeds;
}

const std::vector<std::string>& fragments() {
  static const std::vector<std::string> kFragments = {"\r\n",
                                                      "\r\n\r\n",
                                                      "\n",
                                                      std::string(1, '\0'),
                                                      ":",
                                                      "{",
                                                      "}",
                                                      "[",
                                                      "]",
                                                      "\"",
                                                      ",",
                                                      "-1",
                                                      "1e999",
                                                      "2147483648",
                                                      "null",
                                                      "true",
                                                      "NaN",
                                                      "\\u0000",
                                                      "\\ud800",
                                                      "\xFF",
                                                      "\xC3",
                                                      "HTTP/1.1",
                                                      "HTTP/9.9",
                                                      "GET ",
                                                      "Content-Length: 3\r\n",
                                                      "Host: x\r\n",
                                                      "Transfer-Encoding: chunked\r\n",
                                                      "Expect: 100-continue\r\n",
                                                      "\"n\":5,",
                                                      "\"tools\":[1],",
                                                      "\"prompt\":\"x\","};
  return kFragments;
}

std::string mutate(std::mt19937& random) {
  auto bytes = seeds()[random() % seeds().size()];
  for (auto left = 1 + random() % 3; left > 0; --left) {
    const auto at = random() % (bytes.size() + 1);
    switch (random() % 5) {
      case 0:
        bytes.insert(at, fragments()[random() % fragments().size()]);
        break;
      case 1:
        bytes.erase(at, random() % 20);
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, random() % 40));
        break;
      case 3:
        if (at < bytes.size()) {
          bytes[at] = static_cast<char>(random() % 256);
        }
        break;
      default:
        bytes.insert(at, 1, static_cast<char>(random() % 256));
        break;
    }
  }
  return bytes;
}

bool is_right_class(std::int32_t status) {
  return (status >= 100 && status < 300) || (status >= 400 && status < 500) || status == 501 ||
         status == 505;
}

TEST_CASE("whatever 5,000 mutated requests say, each is answered or closed, and the server lives") {
  TestServer stage;
  constexpr std::uint32_t kRequests = 5'000;
  for (std::uint32_t seed = 0; seed < kRequests; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    RawClient client(stage.http_port());
    client.send(mutate(random));
    client.shut_sending();

    const auto said = client.receive_all();

    REQUIRE(said.has_value());
    if (!said->empty()) {
      REQUIRE(said->starts_with("HTTP/1.1 "));
      const auto status = std::stoi(said->substr(9, 3));
      CHECK(is_right_class(status));
    }
  }
  CHECK(stage.is_alive());
}

TEST_CASE("whatever mutated lines say, the line protocol answers in lines, and the server lives") {
  TestServer stage;
  const std::vector<std::string> lines = {
      R"({"op":"chat","id":"a","body":{"messages":[{"role":"user","content":"x"}]}})",
      R"({"op":"complete","id":"b","body":{"prompt":[1,2],"max_tokens":2}})",
      R"({"op":"cancel","id":"a"})",
      R"({"op":"ping","t":1})",
      R"({"op":"stats"})",
      R"({"op":"hello","key":"x"})"};
  for (std::uint32_t seed = 0; seed < 1'000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string bytes;
    for (auto left = 1 + random() % 5; left > 0; --left) {
      auto line = lines[random() % lines.size()];
      if (random() % 2 == 0) {
        line[random() % line.size()] = static_cast<char>(random() % 256);
      }
      bytes += line + "\n";
    }
    RawClient client(stage.tcp_port());
    client.send(bytes);
    client.shut_sending();

    const auto said = client.receive_all();

    REQUIRE(said.has_value());
    CHECK((said->empty() || (said->starts_with("{\"tlp\":1,") && said->ends_with("\n"))));
  }
  CHECK(stage.is_alive());
}

}  // namespace
