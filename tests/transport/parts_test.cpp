// The small parts of the transport that are plain values: keys, routes, outbox, ledger, names,
// rates, lines.
#include "transport/api_key.h"
#include "transport/connection_ledger.h"
#include "transport/drain_rate.h"
#include "transport/http_gate.h"
#include "transport/http_metrics.h"
#include "transport/http_router.h"
#include "transport/line_reader.h"
#include "transport/log_gate.h"
#include "transport/outbox.h"
#include "transport/request_names.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::transport;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

TEST_CASE("a key is the same only as itself") {
  CHECK(same_secret("abc", "abc"));
  CHECK_FALSE(same_secret("", "abc"));
  CHECK_FALSE(same_secret("ab", "abc"));
  CHECK_FALSE(same_secret("abcabc", "abc"));
  CHECK_FALSE(same_secret("abd", "abc"));
  CHECK_FALSE(same_secret("abc", ""));
  CHECK(bearer_key("Bearer abc") == "abc");
  CHECK(bearer_key("bearer  abc") == "abc");
  CHECK(bearer_key("Bearer ").empty());
  CHECK(bearer_key("Basic abc").empty());
  CHECK(bearer_key("").empty());
}

TEST_CASE("a path has its methods, and a name within a path is found") {
  CHECK(find_route(HttpMethod::get, "/health").fit == RouteFit::found);
  CHECK(find_route(HttpMethod::head, "/health").fit == RouteFit::found);
  CHECK(find_route(HttpMethod::get, "/health").open);
  CHECK_FALSE(find_route(HttpMethod::get, "/metrics").open);
  CHECK(find_route(HttpMethod::get, "/nowhere").fit == RouteFit::no_such_path);
  CHECK(find_route(HttpMethod::get, "/v1/models/").fit == RouteFit::no_such_path);
  const auto model = find_route(HttpMethod::get, "/v1/models/org/name");
  CHECK(model.route == Route::model);
  CHECK(model.rest == "org/name");
  CHECK(model.label == "/v1/models/");
  const auto wrong = find_route(HttpMethod::get, "/v1/completions");
  CHECK(wrong.fit == RouteFit::wrong_method);
  CHECK(wrong.allowed == "POST, OPTIONS");
}

TEST_CASE("a head is judged before its body: key, path, method, type") {
  const auto judge = [](HttpHead head, const std::string& key) {
    const KeyRing keys(key.empty() ? std::vector<std::string>() : std::vector{key});
    const auto reply = judge_head(head, find_route(head.method, head.path), keys);
    return reply ? reply->status : 200;
  };
  HttpHead head;
  head.method = HttpMethod::post;
  head.path = "/v1/completions";
  CHECK(judge(head, "") == 415);
  head.content_type = "application/jsonx";
  CHECK(judge(head, "") == 415);
  head.content_type = "Application/JSON; charset=utf-8";
  CHECK(judge(head, "") == 200);
  CHECK(judge(head, "key") == 401);
  head.authorization = "Bearer key";
  CHECK(judge(head, "key") == 200);
  head.authorization = "Bearer key2";
  CHECK(judge(head, "key") == 401);
  head.path = "/nowhere";
  CHECK(judge(head, "key") == 401);
  CHECK(judge(head, "") == 404);
  head.path = "/health";
  CHECK(judge(head, "key") == 405);
  head.method = HttpMethod::options;
  CHECK(judge(head, "key") == 204);
}

TEST_CASE("an outbox holds what it may, gives it back in order, and refuses the rest") {
  Outbox outbox(10);
  CHECK(outbox.push("0123456").has_value());
  const auto refused = outbox.push("789A");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::slow_consumer);
  CHECK(outbox.push("789").has_value());
  CHECK(outbox.front() == "0123456789");
  outbox.consume(6);
  CHECK(outbox.front() == "6789");
  CHECK(outbox.push("abcdef").has_value());
  CHECK(outbox.front() == "6789abcdef");
  outbox.consume(10);
  CHECK(outbox.pending_bytes() == 0);
  CHECK(outbox.push(std::string(100, 'x')).has_value());
  CHECK_FALSE(outbox.push("y").has_value());
}

TEST_CASE("connections are counted in all and by address, and leaving makes room") {
  Limits limits;
  limits.max_connections = 4;
  limits.max_connections_per_address = 2;
  const auto ledger = std::make_shared<ConnectionLedger>(limits);
  const Peer far = {"10.0.0.1", false};
  const Peer near = {"127.0.0.1", true};

  auto first = ConnectionLedger::admit(ledger, far);
  auto second = ConnectionLedger::admit(ledger, far);
  CHECK((first && second));
  CHECK_FALSE(ConnectionLedger::admit(ledger, far).has_value());
  CHECK(ConnectionLedger::admit(ledger, {"10.0.0.2", false}).has_value());
  first.reset();
  CHECK(ConnectionLedger::admit(ledger, far).has_value());

  const auto third = ConnectionLedger::admit(ledger, near);
  const auto fourth = ConnectionLedger::admit(ledger, near);
  const auto fifth = ConnectionLedger::admit(ledger, near);
  CHECK(fifth.has_value());
  CHECK_FALSE(ConnectionLedger::admit(ledger, near).has_value());
  CHECK(ledger->num_connections() == 4);
}

TEST_CASE("names do not repeat, and can stand in a header") {
  NameMaker maker(1);
  NameMaker other(2);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(maker.next());
    seen.insert(other.next());
  }
  CHECK(seen.size() == 2000);

  CHECK(is_acceptable_name("req-1_a.b:c", 128));
  CHECK_FALSE(is_acceptable_name("", 128));
  CHECK_FALSE(is_acceptable_name("a\r\nb", 128));
  CHECK_FALSE(is_acceptable_name("aaaa", 3));
}

TEST_CASE("the advice to come back follows how fast requests end") {
  DrainRate rate;
  CHECK(rate.advice() == DrainRate::kUnknown);
  TimePoint now{};
  for (int i = 0; i < 100; ++i) {
    rate.on_end(now);
    now += milliseconds(200);
  }
  CHECK(rate.advice() == milliseconds(200));
  for (int i = 0; i < 100; ++i) {
    rate.on_end(now);
  }
  CHECK(rate.advice() == DrainRate::kShortest);
}

TEST_CASE("a flood of log lines is cut, and lets some through again later") {
  LogGate gate;
  const TimePoint now(seconds(100));
  int admitted = 0;
  for (int i = 0; i < 1000; ++i) {
    admitted += gate.admit(now) ? 1 : 0;
  }
  CHECK(admitted == LogGate::kLinesPerWindow);
  CHECK(gate.num_suppressed() == 1000U - LogGate::kLinesPerWindow);
  CHECK(gate.admit(now + seconds(1)));
}

TEST_CASE("lines are cut at their ends in whatever pieces they come") {
  LineReader lines;
  lines.buffer() += "one\r\ntwo\nthr";
  CHECK(lines.next() == "one");
  CHECK(lines.next() == "two");
  CHECK_FALSE(lines.next().has_value());
  lines.compact();
  CHECK(lines.has_partial_line());
  CHECK(lines.overflows(2));
  CHECK_FALSE(lines.overflows(3));
  lines.buffer() += "ee\n";
  CHECK(lines.next() == "three");
  lines.compact();
  CHECK_FALSE(lines.has_partial_line());
}

TEST_CASE("answered requests are counted by route, method and status") {
  HttpMetrics metrics;
  metrics.count("/health", "GET", 200, milliseconds(2));
  metrics.count("/health", "GET", 200, seconds(100));
  std::string text;
  metrics.append_text(text);
  CHECK(text.find("http_requests_total{handler=\"/health\",method=\"GET\",status=\"200\"} 2\n") !=
        std::string::npos);
  CHECK(text.find("_bucket{handler=\"/health\",le=\"0.001\"} 0\n") != std::string::npos);
  CHECK(text.find("_bucket{handler=\"/health\",le=\"0.005\"} 1\n") != std::string::npos);
  CHECK(text.find("_bucket{handler=\"/health\",le=\"+Inf\"} 2\n") != std::string::npos);
}

}  // namespace
