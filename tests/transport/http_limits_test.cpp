// What is too much, too slow or too many, over real sockets.
#include "tests/transport/test_server.h"

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::testing;
using std::chrono::milliseconds;

namespace {

const std::string kPostHead =
    "POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n";

// The status that these bytes get, and whether the connection closes behind it.
std::int32_t closing_status(const TestServer& stage, std::string_view bytes) {
  RawClient client(stage.http_port());
  client.send(bytes);
  const auto answer = client.receive_answer();
  CHECK(answer.field("connection") == "close");
  CHECK(client.sees_close());
  return answer.status;
}

TEST_CASE("malformed requests get their status and the door") {
  TestServer stage;
  CHECK(closing_status(stage, std::string("\0\0garbage\r\n", 11)) == 400);
  CHECK(closing_status(stage, "GET / HTTP/3.7\r\n\r\n") == 505);
  CHECK(closing_status(stage, "GET /" + std::string(10'000, 'a')) == 414);
  CHECK(closing_status(stage, "GET / HTTP/1.1\r\nA: " + std::string(1'000'000, 'a')) == 431);
  CHECK(closing_status(stage, kPostHead + "Content-Length: abc\r\n\r\n") == 400);
  CHECK(closing_status(stage, kPostHead + "Transfer-Encoding: gzip\r\n\r\n") == 501);
  CHECK(closing_status(stage, kPostHead + "Expect: x\r\nContent-Length: 1\r\n\r\n") == 417);
  CHECK(closing_status(
            stage, kPostHead + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n") == 400);
  CHECK(stage.is_alive());
  CHECK(stage.service().num_requests() == 0);
}

TEST_CASE("a body that is too large is refused unread, also when the client waits to send it") {
  TestServer stage;
  CHECK(closing_status(stage, kPostHead + "Content-Length: 4194305\r\n\r\n") == 413);
  CHECK(closing_status(
            stage, kPostHead + "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n") == 413);
  RawClient stubborn(stage.http_port());
  stubborn.send(kPostHead + "Content-Length: 5000000\r\n\r\n" + std::string(5'000'000, 'x'));
  CHECK(stubborn.receive_answer().status == 413);
}

TEST_CASE("a body that breaks off makes no request") {
  TestServer stage;
  RawClient client(stage.http_port());
  client.send(kPostHead + "Content-Length: 100\r\n\r\n{\"prompt\":\"a\"}");
  client.shut_sending();
  CHECK(client.sees_close());
  CHECK(stage.service().num_requests() == 0);
}

TEST_CASE("a head or a body that does not come in time is refused with 408") {
  transport::ServerOptions options;
  options.limits.head_time = milliseconds(20);
  options.limits.body_grace = milliseconds(20);
  TestServer stage(FakeService::Manner::answers, options);
  CHECK(closing_status(stage, "GET / HT") == 408);
  CHECK(closing_status(stage, kPostHead + "Content-Length: 100\r\n\r\n{") == 408);
  CHECK(closing_status(stage, kPostHead + "Transfer-Encoding: chunked\r\n\r\n") == 408);
}

TEST_CASE("a connection without a request is closed without a word") {
  transport::ServerOptions options;
  options.limits.idle_time = milliseconds(300);
  TestServer stage(FakeService::Manner::answers, options);
  RawClient silent(stage.http_port());
  CHECK(silent.sees_close());
  RawClient done(stage.http_port());
  done.send(get("/live"));
  CHECK(done.receive_answer().status == 200);
  CHECK(done.sees_close());
}

TEST_CASE("one connection too many is told so, and room that is made is used") {
  transport::ServerOptions options;
  options.limits.max_connections = 2;
  TestServer stage(FakeService::Manner::answers, options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back(stage.http_port());
    clients.back().send(get("/live"));
    CHECK(clients.back().receive_answer().status == 200);
  }
  RawClient extra(stage.http_port());
  const auto refused = extra.receive_answer();
  CHECK(refused.status == 503);
  CHECK_FALSE(refused.field("retry-after").empty());
  CHECK(extra.sees_close());
  RawClient line(stage.tcp_port());
  CHECK(line.receive_until("\n").find("resource_exhausted") != std::string::npos);

  clients[0].send(get("/live", "Connection: close\r\n"));
  CHECK(clients[0].receive_answer().status == 200);
  CHECK(clients[0].sees_close());
  clients[0].close();
  // The server learns of the close a moment later; until then it may refuse.
  std::int32_t status = 503;
  for (int tries = 0; tries < 1000 && status == 503; ++tries) {
    status = answer_to(stage.http_port(), get("/live")).status;
  }
  CHECK(status == 200);
}

TEST_CASE("bodies of all connections together have a limit") {
  transport::ServerOptions options;
  options.limits.max_total_body_bytes = 1000;
  TestServer stage(FakeService::Manner::answers, options);
  CHECK(closing_status(stage,
                       kPostHead + "Content-Length: 2000\r\n\r\n" + std::string(1500, ' ')) == 503);
  CHECK(answer_to(stage.http_port(), post("/v1/completions", R"({"prompt":"a"})")).status == 200);
}

TEST_CASE("a client that pipelines without end is answered in order and held back") {
  TestServer stage;
  RawClient client(stage.http_port());
  std::string many;
  constexpr int kRequests = 2000;
  for (int i = 0; i < kRequests; ++i) {
    many += get("/live");
  }
  client.send(many);
  for (int i = 0; i < kRequests; ++i) {
    REQUIRE(client.receive_answer().status == 200);
  }
}

TEST_CASE("an answer in one piece has a limit too") {
  transport::ServerOptions options;
  options.limits.max_answer_bytes = 1000;
  TestServer stage(FakeService::Manner::waits, options);
  RawClient client(stage.http_port());
  client.send(post("/v1/completions", R"({"prompt":"a"})"));
  REQUIRE(stage.service().wait_for_requests(1));
  stage.service().deliver(0, Accepted{1});
  stage.service().say(0, std::string(2000, 'x'));
  CHECK(client.receive_answer().status == 503);
  CHECK(stage.service().wait_for_cancel(0));
}

}  // namespace
