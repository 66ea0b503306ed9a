// The server's own life: ports, a model that comes later, draining, stopping.
#include "tests/transport/test_server.h"

#include <string>

using namespace troupe;
using namespace troupe::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string kStream =
    post("/v1/chat/completions", R"({"stream":true,"messages":[{"role":"user","content":"hi"}]})");

TEST_CASE("a port that is taken is named in the error") {
  TestServer stage;
  transport::ServerOptions options;
  options.http_port = stage.http_port();
  const auto taken = transport::Server::start(options, nullptr);
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().code == ErrorCode::io);
  CHECK(taken.error().message.find(std::to_string(stage.http_port())) != std::string::npos);

  options.http_port = 0;
  options.tcp_port = stage.tcp_port();
  CHECK_FALSE(transport::Server::start(options, nullptr).has_value());
  options.tcp_port = 0;
  options.host = "no.such.host.invalid";
  CHECK_FALSE(transport::Server::start(options, nullptr).has_value());
}

TEST_CASE("the line protocol can be left out, and names resolve") {
  transport::ServerOptions options;
  options.host = "localhost";
  options.http_port = 0;
  options.tcp_port.reset();
  const auto server = transport::Server::start(options, nullptr);
  REQUIRE(server.has_value());
  CHECK((*server)->http_port() != 0);
  CHECK_FALSE((*server)->tcp_port().has_value());
}

TEST_CASE("before there is a model the server says that it is loading, afterwards it serves") {
  transport::ServerOptions options;
  options.http_port = 0;
  options.tcp_port = 0;
  auto server = transport::Server::start(options);
  REQUIRE(server.has_value());
  const auto port = (*server)->http_port();
  CHECK(answer_to(port, get("/live")).status == 200);
  const auto health = answer_to(port, get("/health"));
  CHECK(health.status == 503);
  CHECK(health.body ==
        R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})");
  CHECK(answer_to(port, get("/ready")).status == 503);
  CHECK(answer_to(port, get("/v1/models")).status == 503);
  CHECK(answer_to(port, get("/metrics")).status == 200);
  const auto refused = answer_to(port, kStream);
  CHECK(refused.status == 503);
  CHECK(refused.body.find(R"("code":"loading")") != std::string::npos);
  RawClient line(*(*server)->tcp_port());
  CHECK(line.receive_until("\n").find(R"("model":null)") != std::string::npos);

  (*server)->attach(std::make_shared<FakeService>());
  CHECK(answer_to(port, get("/health")).status == 200);
  CHECK(answer_to(port, kStream).status == 200);
}

TEST_CASE("a draining server finishes what runs, refuses what is new, and tells when it is done") {
  TestServer stage(FakeService::Manner::waits);
  RawClient running(stage.http_port());
  running.send(kStream);
  REQUIRE(stage.service().wait_for_requests(1));
  RawClient idle(stage.http_port());
  RawClient line(stage.tcp_port());
  line.send(R"({"op":"complete","id":"a","body":{"prompt":"x"}})"
            "\n");
  REQUIRE(stage.service().wait_for_requests(2));
  stage.service().deliver(0, Accepted{3});
  stage.service().deliver(1, Accepted{3});

  stage.server().drain();
  CHECK_FALSE(stage.server().wait_until_idle(milliseconds(1)));

  idle.send(kStream);
  const auto refused = idle.receive_answer();
  CHECK(refused.status == 503);
  CHECK(refused.field("connection") == "close");
  CHECK_FALSE(refused.field("retry-after").empty());
  CHECK(refused.body.find("draining") != std::string::npos);
  CHECK(answer_to(stage.http_port(), kStream).status == 503);
  CHECK(answer_to(stage.http_port(), get("/health")).status == 503);
  CHECK(line.receive_until("{\"ev\":\"draining\"}\n").find("draining") != std::string::npos);
  line.send(R"({"op":"complete","id":"b","body":{"prompt":"x"}})"
            "\n");
  CHECK(line.receive_until("\n").find(R"({"id":"b","ev":"error")") != std::string::npos);

  stage.service().say(0, "x");
  stage.service().finish(0);
  CHECK(running.receive_answer().body.ends_with("data: [DONE]\n\n"));
  CHECK(running.sees_close());
  stage.service().finish(1);
  CHECK(line.receive_until("\n").find(R"("ev":"done")") != std::string::npos);
  CHECK(stage.server().wait_until_idle(seconds(10)));
}

TEST_CASE("a stop ends what runs with an error, and stopping twice is stopping once") {
  TestServer stage(FakeService::Manner::waits);
  RawClient streaming(stage.http_port());
  streaming.send(kStream);
  REQUIRE(stage.service().wait_for_requests(1));
  RawClient waiting(stage.http_port());
  waiting.send(post("/v1/completions", R"({"prompt":"x"})"));
  REQUIRE(stage.service().wait_for_requests(2));
  RawClient line(stage.tcp_port());
  line.send(R"({"op":"complete","id":"a","body":{"prompt":"x"}})"
            "\n");
  REQUIRE(stage.service().wait_for_requests(3));
  stage.service().deliver(0, Accepted{3});
  REQUIRE_FALSE(streaming.receive_until("\n\n").empty());

  stage.server().stop();
  stage.server().stop();

  CHECK(streaming.receive_answer().status == 0);
  CHECK(waiting.receive_answer().status == 503);
  CHECK(line.receive_all().value_or("").find(R"({"id":"a","ev":"error")") != std::string::npos);
  CHECK(stage.service().num_cancelled() == 3);
  CHECK(stage.server().wait_until_idle(milliseconds(1)));
  stage.service().say(0, "too late");
}

TEST_CASE("a stop sends a stream its error event") {
  TestServer stage(FakeService::Manner::waits);
  RawClient streaming(stage.http_port());
  streaming.send(kStream);
  REQUIRE(stage.service().wait_for_requests(1));
  stage.service().deliver(0, Accepted{3});
  REQUIRE_FALSE(streaming.receive_until("\n\n\r\n").empty());
  stage.server().stop();
  const auto rest = streaming.receive_all().value_or("");
  CHECK(rest.find(R"(data: {"error":{"message":"the server has been stopped")") !=
        std::string::npos);
  CHECK(rest.find("[DONE]") == std::string::npos);
}

}  // namespace
