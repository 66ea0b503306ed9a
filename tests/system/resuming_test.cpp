// The whole program with clients whose connections break: a retained stream goes on where each of
// them had come to, over both protocols.
#include "tests/system/served_program.h"
#include "tests/system/wire_client.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace troupe::system_test {
namespace {

using nlohmann::json;

constexpr std::int32_t kMaxTokens = 240;

json chat_body() {
  const json message = {{"role", "user"}, {"content", "Tell me about the sea."}};
  return {{"messages", json::array({message})},
          {"temperature", 0},
          {"max_tokens", kMaxTokens},
          {"ignore_eos", true},
          {"stream", true}};
}

std::string content_of(const json& event) {
  std::string text;
  for (const auto& choice : event["choices"]) {
    text += choice["delta"].value("content", "");
  }
  return text;
}

// The text of a stream that nobody disturbs.
std::string undisturbed_text(std::uint16_t port) {
  std::string text;
  for (const auto& event : events_of(post(port, "/v1/chat/completions", chat_body()))) {
    text += content_of(event);
  }
  return text;
}

// A client that hears a few events on each connection.
class Listener {
 public:
  explicit Listener(std::uint16_t port) : port_(port) {}

  void begin(json body) {
    body["retain"] = 60;
    body["request_id"] = "mine";
    const auto text = body.dump();
    listen(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        "Content-Length: " +
            std::to_string(text.size()) + "\r\n\r\n" + text,
        kEventsOfOneConnection);
  }

  void come_back() {
    ++num_returns_;
    listen("GET /v1/requests/mine/stream HTTP/1.1\r\nHost: test\r\nLast-Event-ID: " + last_id_ +
               "\r\n\r\n",
           kEventsOfOneConnection);
  }

  [[nodiscard]] bool is_done() const { return done_; }

  [[nodiscard]] std::int32_t num_returns() const { return num_returns_; }

  [[nodiscard]] const std::string& text() const { return text_; }

  [[nodiscard]] const std::string& finish_reasons() const { return finish_reasons_; }

 private:
  static constexpr int kEventsOfOneConnection = 3;

  // Hears `num_events` events and breaks the connection.
  void listen(const std::string& request, int num_events) {
    Connection connection(port_);
    connection.send(request);
    std::string before = "not empty";
    while (num_events > 0 && !done_) {
      const auto line = connection.read_line();
      // One ends an event; two in a row are no lines: the server has hung up.
      const bool hung_up = line.empty() && before.empty();
      REQUIRE_FALSE(hung_up);
      before = line;
      if (line.starts_with("id: ")) {
        last_id_ = line.substr(4);
      } else if (line.starts_with("data: [DONE]")) {
        done_ = true;
      } else if (line.starts_with("data: ")) {
        take(json::parse(line.substr(6)));
        --num_events;
      }
    }
  }

  void take(const json& event) {
    REQUIRE(event.contains("choices"));
    text_ += content_of(event);
    for (const auto& choice : event["choices"]) {
      if (!choice["finish_reason"].is_null()) {
        finish_reasons_ += choice["finish_reason"];
      }
    }
  }

  std::uint16_t port_;
  std::string last_id_;
  std::string text_;
  std::string finish_reasons_;
  std::int32_t num_returns_ = 0;
  bool done_ = false;
};

TEST_CASE("a stream that is lost again and again says in all what an undisturbed one says") {
  ServedProgram server;
  const auto expected = undisturbed_text(server.http_port());
  REQUIRE_FALSE(expected.empty());
  Listener listener(server.http_port());

  listener.begin(chat_body());
  while (!listener.is_done()) {
    listener.come_back();
  }

  CHECK(listener.text() == expected);
  CHECK(listener.finish_reasons() == "length");
  CHECK(listener.num_returns() > 0);
  const auto kept = json::parse(get(server.http_port(), "/v1/requests/mine").body);
  CHECK(kept["status"] == "finished");
  CHECK(kept["choices"][0]["text"] == expected);
  CHECK(kept["usage"]["completion_tokens"] == kMaxTokens);
}

TEST_CASE("the line protocol resumes after the place that its last delta told") {
  ServedProgram server;
  auto question = chat_line("q", "Tell me about the sea.", kMaxTokens);
  question["body"]["ignore_eos"] = true;
  LineConnection plain(server.tcp_port());
  plain.send(question);
  json end;
  const auto expected = plain.read_answer("q", end);
  std::string text;
  std::int32_t place = 0;
  {
    LineConnection broken(server.tcp_port());
    question["body"]["retain"] = 60;
    broken.send(question);
    while (place < 5) {
      const auto event = broken.receive();
      REQUIRE_FALSE(event.is_null());
      text += event.value("text", "");
      place = event.value("at", place);
    }
  }

  LineConnection again(server.tcp_port());
  again.send({{"op", "resume"}, {"id", "q"}, {"from", place}});
  text += again.read_answer("q", end);

  CHECK(text == expected);
  CHECK(end["ev"] == "done");
  CHECK(end["usage"]["completion_tokens"] == kMaxTokens);
}

TEST_CASE("a server that may keep nothing keeps no results") {
  ServedProgram server({"--completed-max-bytes", "0"});
  auto body = chat_body();
  body["stream"] = false;
  body["request_id"] = "gone";
  CHECK(post(server.http_port(), "/v1/chat/completions", body).status == 200);

  CHECK(get(server.http_port(), "/v1/requests/gone").status == 404);
}

}  // namespace
}  // namespace troupe::system_test
