// The HTTP side over real sockets: each endpoint, each refusal, one connection with many requests.
#include "tests/transport/test_server.h"

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::testing;

namespace {

std::string chat(std::string_view more = {}) {
  return R"({"messages":[{"role":"user","content":"hi"}])" + std::string(more) + "}";
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a chat and a completion are answered in one piece") {
  TestServer stage;

  const auto chat_answer = answer_to(stage.http_port(), post("/v1/chat/completions", chat()));
  const auto answer =
      answer_to(stage.http_port(), post("/v1/completions", R"({"prompt":"hi","echo":true})"));

  CHECK(chat_answer.status == 200);
  CHECK(chat_answer.field("content-type") == "application/json");
  CHECK_FALSE(chat_answer.field("x-request-id").empty());
  CHECK(contains(chat_answer.body, R"("message":{"role":"assistant","content":"Hello world")"));
  CHECK(contains(chat_answer.body, R"("cached_tokens":1)"));
  CHECK(answer.status == 200);
  CHECK(contains(answer.body, R"({"index":0,"text":"hiHello world")"));
  CHECK(stage.service().request(1).sampling.max_tokens == 16);
}

TEST_CASE("several prompts are choices of one answer") {
  TestServer stage;
  const auto answer =
      answer_to(stage.http_port(), post("/v1/completions", R"({"prompt":["a","b",  "c"]})"));
  CHECK(answer.status == 200);
  CHECK(contains(answer.body, R"({"index":2,"text":"Hello world")"));
  CHECK(contains(answer.body, R"("prompt_tokens":9,"completion_tokens":6,"total_tokens":15)"));
}

TEST_CASE("every endpoint without a model answers as it should") {
  TestServer stage;
  const auto port = stage.http_port();
  CHECK(answer_to(port, get("/live")).body == R"({"status":"ok"})");
  CHECK(answer_to(port, get("/health")).body == R"({"status":"ok"})");
  CHECK(contains(answer_to(port, get("/ready")).body, R"("engines":{"up":1,"total":1,)"));
  CHECK(answer_to(port, get("/version")).body == R"({"version":"0.1.0"})");
  CHECK(answer_to(port, get("/load")).body == R"({"server_load":0})");
  CHECK(contains(answer_to(port, get("/v1/models")).body, R"("id":"tiny")"));
  CHECK(contains(answer_to(port, get("/v1/models/tiny?x=1")).body, R"("max_model_len":128)"));
  CHECK(answer_to(port, get("/v1/models/other")).status == 404);
  const auto metrics = answer_to(port, get("/metrics"));
  CHECK(metrics.field("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(contains(metrics.body, "troupe:fake 1\n"));
  CHECK(contains(metrics.body, "http_requests_total{handler=\"/live\""));
  const auto head = answer_to(port, "HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(head.status == 200);
  CHECK(head.field("content-length") == "15");
}

TEST_CASE("texts become tokens and tokens texts") {
  TestServer stage;
  const auto port = stage.http_port();
  CHECK(answer_to(port, post("/tokenize", R"({"prompt":"ab"})")).body ==
        R"({"count":2,"max_model_len":128,"tokens":[97,98]})");
  CHECK(contains(answer_to(port, post("/tokenize", chat())).body, R"("tokens":[104,105])"));
  CHECK(answer_to(port, post("/detokenize", R"({"tokens":[104,105]})")).body ==
        R"({"prompt":"hi"})");
  CHECK(answer_to(port, post("/detokenize", R"({"tokens":[256]})")).status == 400);
  CHECK(answer_to(port, post("/tokenize", R"({"prompt":"a","model":"x"})")).status == 404);
  CHECK(answer_to(port, post("/detokenize", R"({"tokens":[1],"model":"x"})")).status == 404);
}

TEST_CASE("paths, methods and types that do not fit are told what would") {
  TestServer stage;
  const auto port = stage.http_port();
  CHECK(answer_to(port, get("/nowhere")).status == 404);
  CHECK(answer_to(port, post("/v1/embeddings", "{}")).status == 404);
  const auto method = answer_to(port, get("/v1/chat/completions"));
  CHECK(method.status == 405);
  CHECK(method.field("allow") == "POST, OPTIONS");
  CHECK(answer_to(port, "PUT /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 405);
  CHECK(answer_to(port, "OPTIONS /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 204);
  CHECK(answer_to(port, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").status == 204);
  const auto type = answer_to(port,
                              "POST /tokenize HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
                              "Content-Length: 2\r\n\r\n{}");
  CHECK(type.status == 415);
  CHECK(type.field("access-control-allow-origin").empty());
}

TEST_CASE("bodies that are not JSON, and fields that are not right, are 400 with a code") {
  TestServer stage;
  RawClient client(stage.http_port());
  const auto code = [&](std::string_view body) {
    client.send(post("/v1/completions", body));
    const auto answer = client.receive_answer();
    CAPTURE(body);
    CHECK(answer.status == 400);
    const auto begin = answer.body.rfind(":\"") + 2;
    return answer.body.substr(begin, answer.body.rfind('"') - begin);
  };
  for (const auto* body :
       {"", "{", "[]", "null", "7", R"({"prompt":"a"} x)", "{\"prompt\":\"\xC3\"}",
        R"({"prompt":"\ud800"})", R"({"prompt":"a","prompt":"b"})",
        R"({"prompt":"a","temperature":NaN})", R"({"prompt":"a","temperature":1e400})"}) {
    CHECK(code(body) == "invalid_json");
  }
  CHECK(code(std::string(10'000, '[')) == "invalid_json");
  for (const auto* body :
       {R"({"prompt":""})", R"({"prompt":[]})", R"({"prompt":"a","temperature":-1})",
        R"({"prompt":"a","top_p":0})", R"({"prompt":"a","top_p":1.1})",
        R"({"prompt":"a","presence_penalty":2.1})", R"({"prompt":"a","repetition_penalty":0})",
        R"({"prompt":"a","logit_bias":{"-1":1}})", R"({"prompt":"a","logit_bias":{"256":1}})",
        R"({"prompt":"a","stop_token_ids":[256]})", R"({"prompt":"a","stop":""})",
        R"({"prompt":[256]})", R"({"prompt":"a","max_tokens":0})"}) {
    CHECK(code(body) == "invalid_value");
  }
  CHECK(code(R"({"prompt":"a","max_tokens":1000})") == "context_length_exceeded");
  CHECK(code(R"({"prompt":"a","stop":[")" + std::string(1'000'000, 'x') + "\"]}") ==
        "invalid_value");
  CHECK(code(R"({"prompt":"a","model":")" + std::string(1'000'000, 'x') + "\"}") ==
        "invalid_value");
  CHECK(stage.service().num_requests() == 0);
  client.send(post("/v1/completions", R"({"prompt":"a","model":"other"})"));
  const auto unknown = client.receive_answer();
  CHECK(unknown.status == 404);
  CHECK(contains(unknown.body, "model_not_found"));
}

TEST_CASE("requests on one connection are answered in their order") {
  TestServer stage;
  RawClient client(stage.http_port());

  client.send(get("/live") + post("/v1/chat/completions", chat()) + get("/version") +
              post("/v1/chat/completions", chat(R"(,"stream":true)")) + get("/health"));

  CHECK(client.receive_answer().body == R"({"status":"ok"})");
  CHECK(contains(client.receive_answer().body, "Hello world"));
  CHECK(client.receive_answer().body == R"({"version":"0.1.0"})");
  CHECK(contains(client.receive_answer().body, "data: [DONE]\n\n"));
  CHECK(client.receive_answer().body == R"({"status":"ok"})");
}

TEST_CASE("a chunked body, a slow one and one that asks first are bodies like any other") {
  TestServer stage;
  RawClient client(stage.http_port());
  client.send(
      "POST /tokenize HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"promp\r\n8\r\nt\":\"ab\"}\r\n0\r\n\r\n");
  CHECK(contains(client.receive_answer().body, "[97,98]"));

  const std::string body = R"({"prompt":"ab"})";
  client.send(
      "POST /tokenize HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nExpect: "
      "100-continue\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n");
  CHECK(client.receive_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  for (const char byte : body) {
    client.send(std::string(1, byte));
  }
  CHECK(contains(client.receive_answer().body, "[97,98]"));
}

TEST_CASE("what the client asks of the connection is done") {
  TestServer stage;
  RawClient closing(stage.http_port());
  closing.send(get("/live", "Connection: close\r\n"));
  CHECK(closing.receive_answer().field("connection") == "close");
  CHECK(closing.sees_close());

  RawClient old(stage.http_port());
  old.send("GET /live HTTP/1.0\r\n\r\n");
  CHECK(old.receive_answer().status == 200);
  CHECK(old.sees_close());

  RawClient old_stream(stage.http_port());
  const auto body = chat(R"(,"stream":true)");
  old_stream.send(
      "POST /v1/chat/completions HTTP/1.0\r\nContent-Type: application/json\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  const auto stream = old_stream.receive_all().value_or("");
  CHECK_FALSE(contains(stream, "Transfer-Encoding"));
  CHECK(stream.ends_with("data: [DONE]\n\n"));
}

TEST_CASE("names and traces that a client sends come back, and never as another header") {
  TestServer stage;
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto answer = answer_to(
      stage.http_port(), get("/live", "X-Request-Id: my-id\r\nTraceparent: " + trace + "\r\n"));
  CHECK(answer.field("x-request-id") == "my-id");
  CHECK(answer.field("traceparent") == trace);
  const auto odd = answer_to(stage.http_port(), get("/live", "X-Request-Id: a b\"<>\r\n"));
  CHECK(odd.field("x-request-id").starts_with("req-"));

  const auto ignored =
      answer_to(stage.http_port(),
                post("/v1/completions", R"({"prompt":"a","foo":1,"b\r\nX-Evil: 1":2,"c,d":3})"));
  CHECK(ignored.status == 200);
  CHECK(ignored.field("x-troupe-ignored") == "foo, b??X-Evil:?1, c?d");
  CHECK(ignored.field("x-evil").empty());
}

TEST_CASE("a strict server refuses fields that it does not know") {
  transport::ServerOptions options;
  options.unknown_fields = transport::UnknownFields::refuse;
  TestServer stage(FakeService::Manner::answers, options);
  const auto answer =
      answer_to(stage.http_port(), post("/v1/completions", R"({"prompt":"a","foo":1})"));
  CHECK(answer.status == 400);
  CHECK(contains(answer.body, R"("param":"foo")"));
}

TEST_CASE("a key is asked for by everything but the pages that tell of health") {
  transport::ServerOptions options;
  options.api_keys = {"secret-key"};
  TestServer stage(FakeService::Manner::answers, options);
  const auto port = stage.http_port();
  for (const auto* path : {"/live", "/health", "/ready"}) {
    CHECK(answer_to(port, get(path)).status == 200);
  }
  for (const auto* path : {"/metrics", "/version", "/v1/models", "/load", "/nowhere"}) {
    CHECK(answer_to(port, get(path)).status == 401);
    CHECK(answer_to(port, get(path, "Authorization: Bearer \r\n")).status == 401);
    CHECK(answer_to(port, get(path, "Authorization: Bearer wrong\r\n")).status == 401);
  }
  const auto refused = answer_to(port, post("/v1/chat/completions", chat()));
  CHECK(refused.status == 401);
  CHECK(refused.field("www-authenticate") == "Bearer");
  CHECK(contains(refused.body, R"("code":"invalid_api_key")"));
  const auto served =
      answer_to(port, post("/v1/chat/completions", chat(), "Authorization: Bearer secret-key\r\n"));
  CHECK(served.status == 200);
}

TEST_CASE("a refusal of the engine is a status with the fields that belong to it") {
  TestServer stage;
  const auto refuse = [&](ErrorCode code) {
    stage.service().refuse_with({code, "no", ""});
    return answer_to(stage.http_port(), post("/v1/chat/completions", chat(R"(,"stream":true)")));
  };
  const auto full = refuse(ErrorCode::queue_full);
  CHECK(full.status == 503);
  CHECK(full.field("retry-after") == "1");
  CHECK_FALSE(full.field("retry-after-ms").empty());
  CHECK(contains(full.body, R"("code":"queue_full")"));
  const auto late = refuse(ErrorCode::deadline_exceeded);
  CHECK(late.status == 504);
  CHECK(late.field("x-should-retry") == "false");
  CHECK(refuse(ErrorCode::never_fits).status == 400);
  CHECK(refuse(ErrorCode::worker_lost).status == 500);
}

TEST_CASE("health tells the truth about the engines") {
  TestServer stage;
  ServiceStatus status;
  status.engines.resize(1);
  const auto with = [&](EngineHealth health) {
    status.engines[0].health = health;
    stage.service().set_status(status);
    return answer_to(stage.http_port(), get("/health"));
  };
  const auto loading = with(EngineHealth::starting);
  CHECK(loading.status == 503);
  CHECK(contains(loading.body, "Loading model"));
  CHECK_FALSE(loading.field("retry-after").empty());
  CHECK(with(EngineHealth::given_up).status == 503);
  CHECK(with(EngineHealth::restarting).status == 200);
}

TEST_CASE("an engine that says nothing is unhealthy before long") {
  transport::ServerOptions options;
  options.limits.answer_time = std::chrono::milliseconds(20);
  TestServer stage(FakeService::Manner::silent, options);
  const auto port = stage.http_port();
  CHECK(answer_to(port, get("/health")).status == 503);
  CHECK(answer_to(port, get("/ready")).status == 503);
  CHECK(answer_to(port, get("/metrics")).status == 503);
  CHECK(answer_to(port, get("/load")).status == 503);
  CHECK(answer_to(port, post("/tokenize", R"({"prompt":"a"})")).status == 503);
  CHECK(answer_to(port, post("/detokenize", R"({"tokens":[1]})")).status == 503);
  CHECK(answer_to(port, get("/live")).status == 200);
}

}  // namespace
