// Streams over real sockets: their exact bytes, their end in every manner, clients that leave and
// clients that do not read.
#include "tests/transport/test_server.h"

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::testing;

namespace {

std::string stream_chat(std::string_view more = {}) {
  return post(
      "/v1/chat/completions",
      R"({"stream":true,"messages":[{"role":"user","content":"hi"}])" + std::string(more) + "}");
}

// The text of a stream without what differs from run to run.
std::string masked(std::string text) {
  for (const std::string name : {"\"id\":\"", "\"created\":"}) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
      const auto begin = at + name.size();
      text.erase(begin, text.find_first_of("\",", begin) - begin);
      text.insert(begin, 1, 'X');
    }
  }
  return text;
}

std::string chat_chunk(std::string_view choice) {
  return R"(data: {"id":"X","object":"chat.completion.chunk","created":X,"model":"tiny",)"
         R"("system_fingerprint":"troupe-0.1.0","choices":[)" +
         std::string(choice) + "]}\n\n";
}

TEST_CASE("a stream is these bytes and no others") {
  TestServer stage(FakeService::Manner::waits);
  RawClient client(stage.http_port());
  client.send(stream_chat());
  REQUIRE(stage.service().wait_for_requests(1));

  stage.service().deliver(0, Accepted{3});
  const auto head = client.receive_until("\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\nx-request-id: req-"));
  CHECK(
      head.ends_with("\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                     "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n"
                     "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"));
  const auto role = client.receive_until("\n\n\r\n");
  const auto size_end = role.find("\r\n");
  CHECK(std::stoul(role.substr(0, size_end), nullptr, 16) == role.size() - size_end - 4);
  stage.service().say(0, "H\n");
  CHECK(
      masked(client.receive_until("\n\n\r\n"))
          .ends_with(
              chat_chunk(
                  R"({"index":0,"delta":{"content":"H\n"},"logprobs":null,"finish_reason":null})") +
              "\r\n"));
  stage.service().finish(0);
  CHECK(client.receive_until("0\r\n\r\n").ends_with("\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"));
  client.send(get("/live"));
  CHECK(client.receive_answer().status == 200);
}

TEST_CASE("usage comes where it was asked for") {
  TestServer stage;
  const auto body = [&](std::string_view options) {
    return masked(
        answer_to(stage.http_port(), stream_chat(R"(,"stream_options":)" + std::string(options)))
            .body);
  };
  const auto last = body(R"({"include_usage":true})");
  CHECK(last.find(R"("finish_reason":null}],"usage":null})") != std::string::npos);
  CHECK(last.ends_with(
      R"("choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,)"
      R"("prompt_tokens_details":{"cached_tokens":1}}})"
      "\n\ndata: [DONE]\n\n"));
  const auto each = body(R"({"include_usage":true,"continuous_usage_stats":true})");
  CHECK(each.find(R"("usage":null)") == std::string::npos);
  CHECK(each.find(R"("usage":{"prompt_tokens":3,"completion_tokens":0,)") != std::string::npos);
  CHECK(body(R"({"include_usage":false})").find("usage") == std::string::npos);
}

TEST_CASE("several prompts stream as choices with their index") {
  TestServer stage(FakeService::Manner::waits);
  RawClient client(stage.http_port());
  client.send(post("/v1/completions", R"({"prompt":["a","b"],"stream":true,"echo":true})"));
  REQUIRE(stage.service().wait_for_requests(2));

  stage.service().deliver(1, Accepted{1});
  stage.service().say(1, "early");
  stage.service().deliver(0, Accepted{1});
  CHECK(client.receive_until("\n\n").find(R"("index":0,"text":"a")") != std::string::npos);
  CHECK(client.receive_until("\n\n").find(R"("index":1,"text":"b")") != std::string::npos);
  CHECK(client.receive_until("\n\n").find(R"("index":1,"text":"early")") != std::string::npos);
  stage.service().finish(0);
  CHECK(client.receive_until("\n\n").find(R"("index":0,"text":"","logprobs":null,"finish)") !=
        std::string::npos);
  stage.service().finish(1);
  CHECK(client.receive_until("0\r\n\r\n").find("[DONE]") != std::string::npos);
}

TEST_CASE("a failure before the first event is a status, one after it an event and the end") {
  TestServer stage(FakeService::Manner::waits);
  RawClient early(stage.http_port());
  early.send(stream_chat());
  REQUIRE(stage.service().wait_for_requests(1));
  stage.service().deliver(0, Failed{{ErrorCode::never_fits, "too large", "prompt"}});
  const auto refused = early.receive_answer();
  CHECK(refused.status == 400);
  CHECK(refused.body ==
        R"({"error":{"message":"too large","type":"invalid_request_error","param":"prompt",)"
        R"("code":"never_fits"}})");

  RawClient late(stage.http_port());
  late.send(stream_chat());
  REQUIRE(stage.service().wait_for_requests(2));
  stage.service().deliver(1, Accepted{3});
  stage.service().say(1, "Hel");
  stage.service().deliver(1, Failed{{ErrorCode::worker_lost, "lost", ""}});
  const auto broken = late.receive_answer();
  CHECK(broken.status == 200);
  CHECK(broken.body.find(R"("content":"Hel")") != std::string::npos);
  CHECK(broken.body.ends_with(
      R"(data: {"error":{"message":"lost","type":"server_error","param":null,)"
      R"("code":"worker_lost"}})"
      "\n\n"));
  CHECK(broken.body.find("[DONE]") == std::string::npos);
  CHECK(late.sees_close());
}

TEST_CASE("one refused prompt of several ends the others") {
  TestServer stage(FakeService::Manner::waits);
  RawClient client(stage.http_port());
  client.send(post("/v1/completions", R"({"prompt":["a","b"]})"));
  REQUIRE(stage.service().wait_for_requests(2));
  stage.service().deliver(0, Accepted{1});
  stage.service().deliver(1, Failed{{ErrorCode::queue_full, "full", ""}});
  CHECK(client.receive_answer().status == 503);
  CHECK(stage.service().wait_for_cancel(0));

  client.send(post("/v1/completions", R"({"prompt":["a",""]})"));
  CHECK(client.receive_answer().status == 400);
  CHECK(stage.service().wait_for_cancel(2));
}

TEST_CASE("a client that leaves takes its request with it, whenever and however it leaves") {
  TestServer stage(FakeService::Manner::waits);
  const auto plain = post("/v1/completions", R"({"prompt":"a"})");
  std::size_t count = 0;
  for (const auto& request : {stream_chat(), plain}) {
    for (const bool accepted : {false, true}) {
      for (const bool reset : {false, true}) {
        CAPTURE(count);
        RawClient client(stage.http_port());
        client.send(request);
        REQUIRE(stage.service().wait_for_requests(count + 1));
        if (accepted) {
          stage.service().deliver(count, Accepted{3});
          stage.service().say(count, "x");
        }
        if (reset) {
          client.reset();
        } else {
          client.close();
        }
        CHECK(stage.service().wait_for_cancel(count));
        ++count;
      }
    }
  }
  CHECK(stage.is_alive());
}

TEST_CASE("a request is cancelled by the names that its client knows") {
  TestServer stage(FakeService::Manner::waits);
  const auto remove = [&](const std::string& id) {
    return answer_to(stage.http_port(),
                     "DELETE /v1/requests/" + id + " HTTP/1.1\r\nHost: h\r\n\r\n")
        .status;
  };
  RawClient waiting(stage.http_port());
  waiting.send(post("/v1/completions", R"({"prompt":"a"})", "X-Request-Id: mine\r\n"));
  REQUIRE(stage.service().wait_for_requests(1));
  CHECK(remove("other") == 404);
  CHECK(remove("mine") == 200);
  const auto cancelled = waiting.receive_answer();
  CHECK(cancelled.status == 499);
  CHECK(cancelled.body.find(R"("code":"cancelled")") != std::string::npos);
  CHECK(remove("mine") == 404);

  RawClient streaming(stage.http_port());
  streaming.send(stream_chat());
  REQUIRE(stage.service().wait_for_requests(2));
  stage.service().deliver(1, Accepted{3});
  const auto chunk = streaming.receive_until("\n\n");
  const auto begin = chunk.find("chatcmpl-");
  const auto id = chunk.substr(begin, chunk.find('"', begin) - begin);
  CHECK(remove(id) == 200);
  CHECK(streaming.receive_until("\n\n").find("cancelled") != std::string::npos);
}

TEST_CASE("a silent stream says that it is alive") {
  transport::ServerOptions options;
  options.limits.ping_time = std::chrono::milliseconds(10);
  TestServer stage(FakeService::Manner::waits, options);
  RawClient client(stage.http_port());
  client.send(stream_chat());
  REQUIRE(stage.service().wait_for_requests(1));
  stage.service().deliver(0, Accepted{3});
  CHECK(client.receive_until("8\r\n: ping\n\n\r\n").find(": ping\n\n") != std::string::npos);
  CHECK(client.receive_until(": ping\n\n").ends_with(": ping\n\n"));
}

TEST_CASE("a client that takes nothing is closed, and another hears everything meanwhile") {
  transport::ServerOptions options;
  options.limits.stall_time = std::chrono::milliseconds(100);
  options.limits.socket_send_bytes = 4096;
  TestServer stage(FakeService::Manner::waits, options);
  RawClient slow(stage.http_port(), 4096);
  slow.send(stream_chat());
  REQUIRE(stage.service().wait_for_requests(1));
  RawClient quick(stage.http_port());
  quick.send(stream_chat());
  REQUIRE(stage.service().wait_for_requests(2));

  stage.service().deliver(0, Accepted{3});
  stage.service().deliver(1, Accepted{3});
  for (int i = 0; i < 200; ++i) {
    stage.service().say(0, std::string(1000, 'x'));
    stage.service().say(1, "y");
  }
  CHECK(stage.service().wait_for_cancel(0));
  stage.service().finish(1);
  const auto whole = quick.receive_answer().body;
  CHECK(whole.ends_with("data: [DONE]\n\n"));
  std::size_t heard = 0;
  for (auto at = whole.find("\"content\":\""); at != std::string::npos;
       at = whole.find("\"content\":\"", at + 1)) {
    const auto begin = at + std::string_view("\"content\":\"").size();
    heard += whole.find('"', begin) - begin;
  }
  CHECK(heard == 200);
}

TEST_CASE("more than a client may leave unread is never kept for it") {
  transport::ServerOptions options;
  options.limits.max_outbox_bytes = 256 * 1024;
  options.limits.socket_send_bytes = 4096;
  TestServer stage(FakeService::Manner::waits, options);
  RawClient slow(stage.http_port(), 4096);
  slow.send(stream_chat());
  REQUIRE(stage.service().wait_for_requests(1));
  stage.service().deliver(0, Accepted{3});
  for (int i = 0; i < 1000 && stage.service().num_cancelled() == 0; ++i) {
    stage.service().say(0, std::string(10'000, 'x'));
  }
  CHECK(stage.service().wait_for_cancel(0));
  CHECK(stage.is_alive());
}

TEST_CASE("a reader that lags gets every byte in fewer chunks") {
  transport::ServerOptions options;
  options.limits.coalesce_bytes = 16 * 1024;
  options.limits.socket_send_bytes = 4096;
  TestServer stage(FakeService::Manner::waits, options);
  RawClient client(stage.http_port(), 4096);
  client.send(stream_chat());
  REQUIRE(stage.service().wait_for_requests(1));
  stage.service().deliver(0, Accepted{3});
  constexpr int kTokens = 5000;
  for (int i = 0; i < kTokens; ++i) {
    stage.service().say(0, std::string(1, static_cast<char>('a' + i % 26)));
  }
  stage.service().finish(0);

  const auto body = client.receive_answer().body;

  std::string text;
  int num_chunks = 0;
  for (auto at = body.find("\"content\":\""); at != std::string::npos;
       at = body.find("\"content\":\"", at + 1)) {
    const auto begin = at + std::string_view("\"content\":\"").size();
    text += body.substr(begin, body.find('"', begin) - begin);
    ++num_chunks;
  }
  REQUIRE(text.size() == kTokens);
  for (int i = 0; i < kTokens; ++i) {
    REQUIRE(text[static_cast<std::size_t>(i)] == static_cast<char>('a' + i % 26));
  }
  CHECK(num_chunks < kTokens);
  CHECK(body.ends_with("data: [DONE]\n\n"));
}

TEST_CASE("log-probabilities go with their tokens, half characters included") {
  TestServer stage;
  PositionLogprobs half;
  half.sampled = {1, -0.25F, "\xE2\x82"};
  PositionLogprobs rest;
  rest.sampled = {2, -0.5F, "\xAC"};
  Delta nothing_yet;
  nothing_yet.tokens = {1};
  nothing_yet.logprobs = {half};
  Delta euro = delta("\xE2\x82\xAC");
  euro.logprobs = {rest};
  stage.service().set_script({{nothing_yet, euro, finished(3, 2)}});
  const auto answer = answer_to(
      stage.http_port(), post("/v1/chat/completions",
                              R"({"logprobs":true,"messages":[{"role":"user","content":"hi"}]})"));
  CHECK(answer.body.find("\"bytes\":[226,130]") != std::string::npos);
  CHECK(answer.body.find("\"bytes\":[172]") != std::string::npos);
  CHECK(answer.body.find("\"content\":\"\xE2\x82\xAC\"") != std::string::npos);
}

}  // namespace
