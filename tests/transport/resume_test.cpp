// Clients that come back over real sockets: for a result, and for a stream at the event at which
// they lost it.
#include "transport/json_reader.h"

#include "tests/transport/test_server.h"

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::testing;

namespace {

constexpr std::string_view kRetained = R"({"stream":true,"retain":60,"request_id":"mine",)"
                                       R"("messages":[{"role":"user","content":"hi"}])";

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string retained_chat(std::string_view more = {}) {
  return post("/v1/chat/completions", std::string(kRetained) + std::string(more) + "}");
}

std::string resume(const std::string& id, const std::string& last_event_id) {
  return "GET /v1/requests/" + id +
         "/stream HTTP/1.1\r\nHost: h\r\nLast-Event-ID: " + last_event_id + "\r\n\r\n";
}

// The next event of a stream, without its frame.
std::string event_of(RawClient& client) {
  const auto text = client.receive_until("\n\n");
  return text.substr(text.find("\nid: ") + 1);
}

std::string id_of(const std::string& event) {
  return event.substr(4, event.find('\n') - 4);
}

std::vector<std::string> events_of(const std::string& body) {
  std::vector<std::string> events;
  for (std::size_t at = 0; at < body.size();) {
    const auto end = body.find("\n\n", at);
    events.push_back(body.substr(at, end - at));
    at = end + 2;
  }
  return events;
}

// The events of a body without what the clock puts into them.
std::vector<std::string> timeless(std::vector<std::string> events) {
  for (auto& event : events) {
    if (const auto at = event.find("\"created\":"); at != std::string::npos) {
      event.erase(at, event.find(',', at) - at);
    }
  }
  return events;
}

TEST_CASE("a retained stream says with each event where it is") {
  TestServer stage;
  const auto events = events_of(answer_to(stage.http_port(), retained_chat()).body);
  REQUIRE(events.size() == 4);
  CHECK(events[0].starts_with("id: 0\ndata: {"));
  CHECK(events[1].starts_with("id: 2\ndata: {"));
  CHECK(events[2].starts_with("id: 2f\ndata: {"));
  CHECK(events[3].starts_with("id: 2f\ndata: [DONE]"));
}

TEST_CASE("a client that loses its retained stream takes it up at the event it had last") {
  TestServer stage(FakeService::Manner::waits);
  std::string last;
  {
    RawClient client(stage.http_port());
    client.send(retained_chat());
    REQUIRE(stage.service().wait_for_requests(1));
    stage.service().deliver(0, Accepted{3});
    CHECK(contains(event_of(client), R"("role":"assistant")"));
    stage.service().say(0, "Hel");
    const auto event = event_of(client);
    CHECK(contains(event, R"("content":"Hel")"));
    last = id_of(event);
    CHECK(last == "1");
  }
  stage.service().say(0, "lo");

  RawClient again(stage.http_port());
  again.send(resume("mine", last));
  REQUIRE(stage.service().wait_for_attached(1));
  stage.service().say(0, " world");
  stage.service().finish(0);
  const auto answer = again.receive_answer();

  CHECK(answer.status == 200);
  CHECK_FALSE(contains(answer.body, "role"));
  CHECK_FALSE(contains(answer.body, "Hel"));
  CHECK(contains(answer.body, R"("content":"lo)"));
  CHECK(contains(answer.body, "world"));
  CHECK(contains(answer.body, R"("finish_reason":"stop")"));
  CHECK(answer.body.ends_with("data: [DONE]\n\n"));
  CHECK(stage.service().num_cancelled() == 0);
}

TEST_CASE("from whichever event a stream is taken up, what was heard and the rest are the whole") {
  TestServer stage(FakeService::Manner::waits);
  RawClient client(stage.http_port());
  client.send(retained_chat(R"(,"stream_options":{"include_usage":true})"));
  REQUIRE(stage.service().wait_for_requests(1));
  stage.service().deliver(0, Accepted{3});
  std::string whole = client.receive_until("\n\n");
  for (const auto* text : {"a", "b", "c"}) {
    stage.service().say(0, text);
    whole += client.receive_until("\n\n");
  }
  // The last text comes without a token, as what a stop string held back does.
  Delta tail;
  tail.text = "!";
  stage.service().deliver(0, tail);
  stage.service().finish(0);
  whole += client.receive_until("0\r\n\r\n");
  std::vector<std::string> events;
  for (auto at = whole.find("\nid: "); at != std::string::npos; at = whole.find("\nid: ", at + 1)) {
    events.push_back(whole.substr(at + 1, whole.find("\n\n", at) - at - 1));
  }
  REQUIRE(events.size() == 8);  // role, a, b, c, !, finish, usage, [DONE]

  for (std::size_t heard = 1; heard < events.size(); ++heard) {
    CAPTURE(heard);
    const auto rest =
        events_of(answer_to(stage.http_port(), resume("mine", id_of(events[heard - 1]))).body);
    std::string expected;
    std::string told;
    for (std::size_t i = heard; i < events.size(); ++i) {
      expected += events[i];
    }
    for (const auto& event : rest) {
      told += event;
    }
    // Deltas that come together are told together; the texts and all other events are the same.
    const auto text_of = [](const std::string& events_text) {
      std::string text;
      for (auto at = events_text.find("\"content\":\""); at != std::string::npos;
           at = events_text.find("\"content\":\"", at + 1)) {
        const auto begin = at + 11;
        text += events_text.substr(begin, events_text.find('"', begin) - begin);
      }
      return text;
    };
    CHECK(text_of(told) == text_of(expected));
    for (const auto* part :
         {R"("role")", R"("finish_reason":"stop")", R"("choices":[],"usage")", "[DONE]"}) {
      CAPTURE(part);
      CHECK(contains(told, part) == contains(expected, part));
    }
    CHECK(rest.back() == events.back());
  }
}

TEST_CASE("a finished stream can be heard again from its beginning, the same") {
  TestServer stage;
  const auto first = answer_to(stage.http_port(), retained_chat());
  const auto again = answer_to(stage.http_port(), get("/v1/requests/mine/stream"));
  const auto from = answer_to(stage.http_port(), get("/v1/requests/mine/stream?from=2"));

  CHECK(again.status == 200);
  CHECK(timeless(events_of(again.body)) == timeless(events_of(first.body)));
  CHECK(events_of(from.body).size() == 2);
  const auto nowhere = answer_to(stage.http_port(), get("/v1/requests/mine/stream?from=9"));
  CHECK(nowhere.status == 400);
  CHECK(contains(nowhere.body, R"("param":"from")"));
  const auto nonsense = answer_to(stage.http_port(), get("/v1/requests/mine/stream?from=x"));
  CHECK(nonsense.status == 400);
}

TEST_CASE("several prompts are taken up each where it was") {
  TestServer stage(FakeService::Manner::waits);
  RawClient client(stage.http_port());
  client.send(post("/v1/completions",
                   R"({"prompt":["a","b"],"stream":true,"retain":9,"request_id":"two"})"));
  REQUIRE(stage.service().wait_for_requests(2));
  stage.service().deliver(0, Accepted{1});
  stage.service().deliver(1, Accepted{1});
  stage.service().say(1, "first");
  const auto last = id_of(event_of(client));
  CHECK(last == "0.1");
  client.reset();

  RawClient again(stage.http_port());
  again.send(resume("two", last));
  REQUIRE(stage.service().wait_for_attached(2));
  stage.service().say(0, "zero");
  stage.service().say(1, "second");
  stage.service().finish(0);
  stage.service().finish(1);
  const auto body = again.receive_answer().body;

  CHECK(contains(body, R"("index":0,"text":"zero")"));
  CHECK(contains(body, R"("index":1,"text":"second")"));
  CHECK_FALSE(contains(body, "first"));
  CHECK(stage.service().num_cancelled() == 0);
}

TEST_CASE("a request without retain goes with its connection, and no other may have its stream") {
  TestServer stage(FakeService::Manner::waits);
  {
    RawClient client(stage.http_port());
    client.send(post("/v1/completions", R"({"prompt":"a","request_id":"bound"})"));
    REQUIRE(stage.service().wait_for_requests(1));
    const auto refused = answer_to(stage.http_port(), get("/v1/requests/bound/stream"));
    CHECK(refused.status == 400);
    CHECK(contains(refused.body, "retain"));
  }
  CHECK(stage.service().wait_for_cancel(0));
}

TEST_CASE("whoever takes a live stream up ends the connection that had it") {
  TestServer stage(FakeService::Manner::waits);
  RawClient first(stage.http_port());
  first.send(retained_chat());
  REQUIRE(stage.service().wait_for_requests(1));
  stage.service().deliver(0, Accepted{3});
  REQUIRE(contains(first.receive_until("\n\n"), "role"));

  RawClient second(stage.http_port());
  second.send(resume("mine", "0"));
  REQUIRE(stage.service().wait_for_attached(1));

  CHECK(contains(first.receive_until("\n\n"), R"("code":"cancelled")"));
  stage.service().say(0, "on");
  CHECK(contains(second.receive_until("\n\n"), R"("content":"on")"));
  first.close();
  stage.service().finish(0);
  CHECK(contains(second.receive_until("0\r\n\r\n"), "[DONE]"));
  CHECK(stage.service().num_cancelled() == 0);
}

TEST_CASE("a request can be asked for in each phase of its life") {
  TestServer stage(FakeService::Manner::waits);
  const auto ask = [&] { return answer_to(stage.http_port(), get("/v1/requests/mine")); };
  CHECK(ask().status == 404);
  RawClient client(stage.http_port());
  client.send(retained_chat(R"(,"service_tier":"flex")"));
  REQUIRE(stage.service().wait_for_requests(1));
  CHECK(contains(ask().body, R"("status":"queued")"));
  stage.service().deliver(0, Accepted{3});
  stage.service().say(0, "Hel");
  const auto running = ask().body;
  CHECK(contains(running, R"("object":"request","status":"running")"));
  CHECK(contains(running, R"("service_tier":"flex")"));
  CHECK(contains(running, R"("text":"Hel","tokens":[7],"finish_reason":null,"stop_reason":null,)"));
  stage.service().finish(0);
  const auto finished = ask();
  CHECK(finished.status == 200);
  CHECK(transport::read_json(finished.body, {}).has_value());
  CHECK(contains(finished.body, R"("status":"finished")"));
  CHECK(contains(finished.body, R"("finish_reason":"stop","stop_reason":null,"error":null)"));
  CHECK(contains(finished.body, R"("usage":{"prompt_tokens":3,"completion_tokens":1,)"));
  CHECK(contains(finished.body, R"("time_to_first_token_ms":)"));
  stage.service().forget(0);
  CHECK(ask().status == 404);
  CHECK(answer_to(stage.http_port(), get("/v1/requests/mine/stream")).status == 404);
}

TEST_CASE("a failure is kept, and told with its status by the stream") {
  TestServer stage(FakeService::Manner::waits);
  RawClient client(stage.http_port());
  client.send(retained_chat());
  REQUIRE(stage.service().wait_for_requests(1));
  stage.service().deliver(
      0, Failed{{ErrorCode::deadline_exceeded, "the request's deadline has passed", ""}});
  const auto answer = client.receive_answer();
  CHECK(answer.status == 504);
  CHECK(contains(answer.body, R"("code":"deadline_exceeded")"));

  const auto kept = answer_to(stage.http_port(), get("/v1/requests/mine")).body;
  CHECK(contains(kept, R"("status":"failed")"));
  CHECK(contains(kept, R"("code":"deadline_exceeded")"));
  CHECK(answer_to(stage.http_port(), get("/v1/requests/mine/stream")).status == 504);
}

std::string with_key(std::string request, const std::string& key) {
  const std::string host = "Host: h\r\n";
  auto at = request.find("\r\n") + 2;
  return request.insert(at, "Authorization: Bearer " + key + "\r\n");
}

TEST_CASE("to another tenant a request does not exist") {
  transport::ServerOptions options;
  options.api_keys = {"one", "two"};
  TestServer stage(FakeService::Manner::waits, options);
  RawClient client(stage.http_port());
  client.send(with_key(retained_chat(), "one"));
  REQUIRE(stage.service().wait_for_requests(1));
  CHECK(stage.service().request(0).tenant.size() == 32);
  const auto remove = std::string("DELETE /v1/requests/mine HTTP/1.1\r\nHost: h\r\n\r\n");
  for (const auto& request : {get("/v1/requests/mine"), get("/v1/requests/mine/stream"), remove}) {
    CAPTURE(request);
    CHECK(answer_to(stage.http_port(), with_key(request, "two")).status == 404);
    CHECK(answer_to(stage.http_port(), with_key(request, "three")).status == 401);
  }
  CHECK(stage.service().num_cancelled() == 0);
  CHECK(answer_to(stage.http_port(), with_key(get("/v1/requests/mine"), "one")).status == 200);

  RawClient namesake(stage.http_port());
  namesake.send(with_key(retained_chat(), "two"));
  REQUIRE(stage.service().wait_for_requests(2));
  CHECK(stage.service().request(0).tenant != stage.service().request(1).tenant);
  CHECK(answer_to(stage.http_port(), with_key(retained_chat(), "two")).status == 400);
  CHECK(answer_to(stage.http_port(), with_key(remove, "one")).status == 200);
  CHECK(stage.service().wait_for_cancel(0));
  CHECK(stage.service().num_cancelled() == 1);
}

TEST_CASE("a priority that nobody would heed is refused, a tier is served as usual") {
  TestServer stage;
  stage.service().refuse_priorities();
  const auto refused =
      answer_to(stage.http_port(), post("/v1/completions", R"({"prompt":"a","priority":1})"));
  CHECK(refused.status == 400);
  CHECK(contains(refused.body, R"("param":"priority")"));
  const auto served = answer_to(stage.http_port(),
                                post("/v1/completions", R"({"prompt":"a","service_tier":"flex"})"));
  CHECK(served.status == 200);
  CHECK(contains(served.body, R"("service_tier":"default")"));
}

// ---- the line protocol

std::string line_of(std::string_view more) {
  return R"({"op":"complete","id":"a","body":{"prompt":"x")" + std::string(more) + "}}\n";
}

TEST_CASE("a retained request of the line protocol is resumed on another connection") {
  TestServer stage(FakeService::Manner::waits);
  {
    RawClient client(stage.tcp_port());
    client.send(line_of(R"(,"retain":60)"));
    REQUIRE(stage.service().wait_for_requests(1));
    stage.service().deliver(0, Accepted{3});
    stage.service().say(0, "Hel");
    CHECK(contains(client.receive_until("\"at\":1}\n"), R"("text":"Hel","n":1,"at":1})"));
  }
  RawClient again(stage.tcp_port());
  REQUIRE(contains(again.receive_until("\n"), "tlp"));
  again.send("{\"op\":\"resume\",\"id\":\"a\",\"from\":1}\n");
  CHECK(again.receive_until("\n") ==
        "{\"id\":\"a\",\"ev\":\"accepted\",\"seq\":0,\"prompt_tokens\":3,\"from\":1}\n");
  stage.service().say(0, "lo");
  CHECK(contains(again.receive_until("\n"), R"("seq":1,"i":0,"text":"lo","n":1,"at":2})"));
  stage.service().finish(0);
  CHECK(contains(again.receive_until("\n"), R"("ev":"done","seq":2)"));
  CHECK(stage.service().num_cancelled() == 0);

  again.send("{\"op\":\"resume\",\"id\":\"a\"}\n");
  CHECK(contains(again.receive_until("\n"), R"("ev":"accepted","seq":0,"prompt_tokens":3})"));
  CHECK(contains(again.receive_until("\n"), R"("text":"Hello","n":2,"at":2})"));
  CHECK(contains(again.receive_until("\n"), R"("ev":"done")"));
  again.send("{\"op\":\"resume\",\"id\":\"a\",\"from\":3}\n");
  CHECK(contains(again.receive_until("\n"), R"("param":"from")"));
  CHECK(contains(answer_to(stage.http_port(), get("/v1/requests/a")).body, R"("text":"Hello")"));
}

TEST_CASE("a retained request is cancelled from another connection, and its id is its own") {
  TestServer stage(FakeService::Manner::waits);
  RawClient first(stage.tcp_port());
  first.send(line_of(R"(,"retain":60)"));
  REQUIRE(stage.service().wait_for_requests(1));

  RawClient second(stage.tcp_port());
  REQUIRE(contains(second.receive_until("\n"), "tlp"));
  second.send(line_of(R"(,"retain":60)"));
  CHECK(contains(second.receive_until("\n"), R"("param":"id")"));
  second.send("{\"op\":\"cancel\",\"id\":\"a\"}\n");
  CHECK(stage.service().wait_for_cancel(0));
  CHECK(contains(first.receive_until("cancelled"), R"("ev":"error")"));
}

TEST_CASE("a request of the line protocol that was given a name can be asked for by it") {
  TestServer stage(FakeService::Manner::waits);
  RawClient client(stage.tcp_port());
  client.send(line_of(R"(,"request_id":"named")"));
  REQUIRE(stage.service().wait_for_requests(1));

  CHECK(answer_to(stage.http_port(), get("/v1/requests/named")).status == 200);
  CHECK(answer_to(stage.http_port(), get("/v1/requests/a")).status == 404);
  CHECK(answer_to(stage.http_port(), get("/v1/requests/named/stream")).status == 400);
  client.close();
  CHECK(stage.service().wait_for_cancel(0));
}

TEST_CASE("terms beside the body of a line are terms of the request") {
  TestServer stage(FakeService::Manner::waits);
  RawClient client(stage.tcp_port());
  client.send(
      R"({"op":"complete","id":"a","deadline_ms":50,"service_tier":"fast","body":{"prompt":"x"}})"
      "\n");
  REQUIRE(stage.service().wait_for_requests(1));
  CHECK(stage.service().request(0).deadline == std::chrono::milliseconds(50));
  CHECK(stage.service().request(0).priority == 50);
}

}  // namespace
