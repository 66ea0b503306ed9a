// The line protocol: its lines, and whole conversations over real sockets.
#include "transport/json_reader.h"
#include "transport/tlp_calls.h"
#include "transport/tlp_codec.h"

#include "tests/transport/test_server.h"

#include <string>

using namespace troupe;
using namespace troupe::testing;

namespace {

tl::expected<transport::TlpCommand, transport::TlpProblem> command(std::string_view line) {
  auto json = transport::read_json(line, {});
  REQUIRE(json.has_value());
  return transport::parse_command(std::move(*json), 16);
}

std::string chat_line(std::string_view id, std::string_view more = {}) {
  return R"({"op":"chat","id":")" + std::string(id) +
         R"(","body":{"messages":[{"role":"user","content":"hi"}])" + std::string(more) + "}}\n";
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a line is a command, or says for which id it is none") {
  CHECK(command(R"({"op":"ping","t":5,"unknown":1})")->echo == 5);
  CHECK(command(R"({"op":"chat","id":"a","body":{}})")->body.object() != nullptr);
  CHECK(command(R"({"op":"cancel","id":"a"})")->id == "a");
  CHECK(command(R"({"op":"chat","id":"a","deadline_ms":0,"service_tier":"default"})").has_value());

  CHECK(command("[]").error().error.code == ErrorCode::invalid_json);
  CHECK(command(R"({"id":"a"})").error().error.param == "op");
  CHECK(command(R"({"op":"dance","id":"a"})").error().id == "a");
  CHECK(command(R"({"op":"dance","id":"a"})").error().error.code == ErrorCode::unsupported);
  CHECK(command(R"({"op":"chat"})").error().error.param == "id");
  CHECK(command(R"({"op":"chat","id":7})").error().error.param == "id");
  CHECK(command(R"({"op":"chat","id":"aaaaaaaaaaaaaaaaa"})").error().error.param == "id");
  CHECK(command(R"({"op":"resume","id":"a","from":17})")->from == 17);
  CHECK(command(R"({"op":"resume","id":"a"})")->from == 0);
  CHECK(command(R"({"op":"resume","id":"a","from":-1})").error().error.param == "from");
  CHECK(command(R"({"op":"resume","from":1})").error().error.param == "id");

  const auto beside = command(R"({"op":"chat","id":"a","deadline_ms":5,"body":{"retain":7}})");
  CHECK(*find_member(*beside->body.object(), "deadline_ms")->integer() == 5);
  const auto within = command(R"({"op":"chat","id":"a","retain":5,"body":{"retain":7}})");
  CHECK(*find_member(*within->body.object(), "retain")->integer() == 7);
}

TEST_CASE("the lines of an event are these bytes") {
  std::string out;
  transport::append_accepted(out, {"c1", 0}, {12});
  CHECK(out == "{\"id\":\"c1\",\"ev\":\"accepted\",\"seq\":0,\"prompt_tokens\":12}\n");
  out.clear();
  transport::append_delta(out, {"c1", 1}, delta(" Hello"));
  CHECK(out == "{\"id\":\"c1\",\"ev\":\"delta\",\"seq\":1,\"i\":0,\"text\":\" Hello\",\"n\":1}\n");
  out.clear();
  transport::append_done(out, {"c1", 9}, finished(3, 3));
  CHECK(out ==
        "{\"id\":\"c1\",\"ev\":\"done\",\"seq\":9,\"finish_reason\":\"stop\",\"stop_reason\":null,"
        "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":3,\"total_tokens\":6,"
        "\"prompt_tokens_details\":{\"cached_tokens\":1}},\"metrics\":{"
        "\"time_to_first_token_ms\":10,\"generation_time_ms\":20,\"mean_itl_ms\":10,"
        "\"tokens_per_second\":100,\"num_preemptions\":0,\"num_restarts\":0}}\n");
  out.clear();
  transport::append_problem(out, "", {ErrorCode::invalid_json, "no", ""});
  CHECK(out ==
        "{\"ev\":\"error\",\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\","
        "\"param\":null,\"code\":\"invalid_json\"}}\n");
}

TEST_CASE("a conversation: greeting, two requests at once, their events in order") {
  TestServer stage(FakeService::Manner::waits);
  RawClient client(stage.tcp_port());
  CHECK(client.receive_until("\n") ==
        "{\"tlp\":1,\"server\":\"troupe/0.1.0\",\"model\":\"tiny\",\"max_model_len\":128,"
        "\"auth\":false}\n");

  client.send(chat_line("a") + R"({"op":"complete","id":"b","body":{"prompt":"x"}})"
                               "\r\n");
  REQUIRE(stage.service().wait_for_requests(2));
  stage.service().deliver(0, Accepted{3});
  CHECK(client.receive_until("\n") ==
        "{\"id\":\"a\",\"ev\":\"accepted\",\"seq\":0,\"prompt_tokens\":3}\n");
  stage.service().deliver(1, Accepted{1});
  CHECK(contains(client.receive_until("\n"), R"({"id":"b","ev":"accepted","seq":0)"));
  stage.service().say(0, "x");
  CHECK(contains(client.receive_until("\n"), R"({"id":"a","ev":"delta","seq":1,"i":0,"text":"x")"));
  stage.service().say(1, "y");
  CHECK(contains(client.receive_until("\n"), R"({"id":"b","ev":"delta","seq":1,"i":0,"text":"y")"));
  stage.service().finish(1);
  CHECK(contains(client.receive_until("\n"), R"({"id":"b","ev":"done","seq":2)"));
  stage.service().deliver(0, Failed{{ErrorCode::worker_lost, "lost", ""}});
  CHECK(contains(client.receive_until("\n"), R"({"id":"a","ev":"error","seq":2,"error":{)"));
  client.send(chat_line("a"));
  CHECK(stage.service().wait_for_requests(3));
}

TEST_CASE("cancel, ping, stats and what is not offered are answered") {
  TestServer stage(FakeService::Manner::waits);
  RawClient client(stage.tcp_port());
  const auto say = [&](const std::string& line) {
    client.send(line + "\n");
    return client.receive_until("\n");
  };
  REQUIRE(contains(client.receive_until("\n"), "tlp"));
  CHECK(say(R"({"op":"ping","t":7})") == "{\"ev\":\"pong\",\"t\":7}\n");
  CHECK(say(R"({"op":"hello"})") == "{\"ev\":\"welcome\"}\n");
  CHECK(contains(say(R"({"op":"stats"})"), R"({"ev":"stats","status":"ok","live_requests":0)"));
  CHECK(contains(say(R"({"op":"resume","id":"a","from":1})"), "not_found_error"));
  CHECK(contains(say(R"({"op":"cancel","id":"a"})"), "not_found_error"));
  CHECK(contains(say(R"({"op":"dance","id":"z"})"), R"({"id":"z","ev":"error")"));
  CHECK(contains(say("hello"), "invalid_json"));
  CHECK(contains(say(R"({"op":"complete","id":"a","body":{"prompt":["x","y"]}})"), "unsupported"));
  CHECK(contains(say(R"({"op":"complete","id":"a","body":{"prompt":""}})"),
                 R"({"id":"a","ev":"error")"));
  CHECK(contains(say(R"({"op":"complete","id":"a"})"), "invalid_json"));

  client.send(chat_line("a"));
  REQUIRE(stage.service().wait_for_requests(1));
  const auto twice = say(chat_line("a").substr(0, chat_line("a").size() - 1));
  CHECK(twice.starts_with(R"({"ev":"error")"));
  const auto cancelled = say(R"({"op":"cancel","id":"a"})");
  CHECK(contains(cancelled, R"({"id":"a","ev":"error","seq":0)"));
  CHECK(contains(cancelled, "cancelled"));
  CHECK(stage.service().num_cancelled() == 1);
}

TEST_CASE("a client that leaves takes all its requests with it") {
  TestServer stage(FakeService::Manner::waits);
  {
    RawClient client(stage.tcp_port());
    client.send(chat_line("a") + chat_line("b"));
    REQUIRE(stage.service().wait_for_requests(2));
  }
  CHECK(stage.service().wait_for_cancel(0));
  CHECK(stage.service().wait_for_cancel(1));
}

TEST_CASE("a stranger without the key gets no further than the greeting") {
  transport::ServerOptions options;
  options.api_keys = {"secret"};
  TestServer stage(FakeService::Manner::waits, options);
  const auto says = [&](const std::string& line) {
    RawClient client(stage.tcp_port());
    REQUIRE(contains(client.receive_until("\n"), R"("auth":true)"));
    client.send(line);
    auto answer = client.receive_until("\n");
    CHECK(client.sees_close());
    return answer;
  };
  CHECK(contains(says(chat_line("a")), "invalid_api_key"));
  CHECK(contains(says("{\"op\":\"hello\",\"key\":\"wrong\"}\n"), "invalid_api_key"));
  CHECK(contains(says("{\"op\":\"hello\"}\n"), "invalid_api_key"));
  CHECK(contains(says("GET / HTTP/1.1\n"), "invalid_json"));
  CHECK(contains(says(std::string(5000, ' ')), "at most 4096 bytes"));
  CHECK(stage.service().num_requests() == 0);

  RawClient friendly(stage.tcp_port());
  friendly.send("{\"op\":\"hello\",\"key\":\"secret\"}\n" + chat_line("a"));
  CHECK(contains(friendly.receive_until("}\n{\"ev\":\"welcome\"}\n"), "welcome"));
  CHECK(stage.service().wait_for_requests(1));
}

TEST_CASE("a stranger that says nothing, and a line that never ends, are not waited for") {
  transport::ServerOptions options;
  options.limits.head_time = std::chrono::milliseconds(20);
  options.limits.body_time = std::chrono::milliseconds(20);
  TestServer open_house(FakeService::Manner::waits, options);
  RawClient unfinished(open_house.tcp_port());
  unfinished.send("{\"op\":");
  CHECK(contains(unfinished.receive_all().value_or(""), "in time"));

  options.api_keys = {"secret"};
  TestServer locked_house(FakeService::Manner::waits, options);
  RawClient silent(locked_house.tcp_port());
  CHECK(contains(silent.receive_all().value_or(""), "in time"));
}

TEST_CASE("lines that are too long or too often mistaken end the connection") {
  transport::ServerOptions options;
  options.limits.max_line_bytes = 10'000;
  TestServer stage(FakeService::Manner::waits, options);
  RawClient too_long(stage.tcp_port());
  too_long.send(std::string(20'000, 'x'));
  CHECK(contains(too_long.receive_all().value_or(""), "at most 10000 bytes"));

  RawClient mistaken(stage.tcp_port());
  for (int i = 0; i < 20; ++i) {
    mistaken.send("nonsense\n");
  }
  CHECK(mistaken.receive_all().has_value());
}

TEST_CASE("a connection has a bounded number of live requests") {
  transport::ServerOptions options;
  options.limits.max_live_requests = 2;
  TestServer stage(FakeService::Manner::waits, options);
  RawClient client(stage.tcp_port());
  client.send(chat_line("a") + chat_line("b") + chat_line("c"));
  CHECK(contains(client.receive_until("queue_full"), R"({"id":"c","ev":"error")"));
  CHECK(stage.service().num_requests() == 2);
}

TEST_CASE("a reader that lags gets merged deltas without a gap in their numbers") {
  transport::ServerOptions options;
  options.limits.coalesce_bytes = 8 * 1024;
  options.limits.socket_send_bytes = 4096;
  TestServer stage(FakeService::Manner::waits, options);
  RawClient client(stage.tcp_port(), 4096);
  client.send(chat_line("a") + chat_line("b"));
  REQUIRE(stage.service().wait_for_requests(2));
  constexpr int kTokens = 3000;
  for (std::size_t request = 0; request < 2; ++request) {
    stage.service().deliver(request, Accepted{3});
  }
  for (int i = 0; i < kTokens; ++i) {
    stage.service().say(0, "x");
    stage.service().say(1, "y");
  }
  stage.service().finish(0);
  stage.service().finish(1);

  REQUIRE(contains(client.receive_until("\n"), "tlp"));
  int num_done = 0;
  int num_lines = 0;
  std::int64_t tokens[2] = {0, 0};
  std::int64_t next[2] = {0, 0};
  while (num_done < 2) {
    const auto line = client.receive_until("\n");
    REQUIRE_FALSE(line.empty());
    const auto json = transport::read_json(line, {});
    REQUIRE(json.has_value());
    const auto& event = *json->object();
    const auto who = *find_member(event, "id")->text() == "a" ? 0 : 1;
    CHECK(*find_member(event, "seq")->integer() == next[who]++);
    if (const auto* count = find_member(event, "n")) {
      tokens[who] += *count->integer();
      ++num_lines;
    }
    num_done += *find_member(event, "ev")->text() == "done" ? 1 : 0;
  }
  CHECK(tokens[0] == kTokens);
  CHECK(tokens[1] == kTokens);
  CHECK(num_lines < 2 * kTokens);
}

TEST_CASE("a reader that takes nothing is closed and its requests cancelled") {
  transport::ServerOptions options;
  options.limits.max_outbox_bytes = 128 * 1024;
  options.limits.socket_send_bytes = 4096;
  TestServer stage(FakeService::Manner::waits, options);
  RawClient slow(stage.tcp_port(), 4096);
  slow.send(chat_line("a"));
  REQUIRE(stage.service().wait_for_requests(1));
  stage.service().deliver(0, Accepted{3});
  for (int i = 0; i < 1000 && stage.service().num_cancelled() == 0; ++i) {
    stage.service().say(0, std::string(10'000, 'x'));
  }
  CHECK(stage.service().wait_for_cancel(0));
  CHECK(stage.is_alive());
}

}  // namespace
