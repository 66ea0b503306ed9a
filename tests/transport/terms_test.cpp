// The fields that say on which terms a request is served, and the small values behind coming back
// to it: digests, keys, positions, the ledger of calls.
#include "transport/api_key.h"
#include "transport/call_ledger.h"
#include "transport/http_router.h"
#include "transport/json_reader.h"
#include "transport/openai_request.h"
#include "transport/request_format.h"
#include "transport/request_terms.h"
#include "transport/sha256.h"
#include "transport/stream_position.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::transport;

namespace {

const ModelCard kModel{.name = "m", .max_model_len = 100, .vocab_size = 100};
const ModelCard kDeaf{
    .name = "m", .max_model_len = 100, .vocab_size = 100, .accepts_priority = false};

Result<CompletionOrder> parse(const std::string& fields) {
  auto json = read_json(R"({"prompt":["a","b"],)" + fields + "}", {});
  REQUIRE(json.has_value());
  return parse_completion(Endpoint::completions, std::move(*json), {});
}

std::string error_of(const std::string& fields) {
  CAPTURE(fields);
  auto order = parse(fields);
  REQUIRE_FALSE(order.has_value());
  return std::string(to_string(order.error().code)) + ":" + order.error().param;
}

TEST_CASE("every term reaches every request of its call") {
  auto order = parse(R"("priority":-3,"deadline_ms":250,"cache_salt":"s","retain":60,
      "request_id":"mine-1")");
  REQUIRE(order.has_value());

  apply_terms(*order, "tenant", kModel);

  REQUIRE(order->requests.size() == 2);
  for (const auto& request : order->requests) {
    CHECK(request.priority == -3);
    CHECK(request.deadline == std::chrono::milliseconds(250));
    CHECK(request.cache_salt == "s");
    CHECK(request.retain == std::chrono::seconds(60));
    CHECK(request.tenant == "tenant");
  }
  CHECK(order->terms.request_id == "mine-1");
}

TEST_CASE("terms that were not given are none") {
  auto order = parse(R"("priority":null,"deadline_ms":0,"retain":null)");
  REQUIRE(order.has_value());
  apply_terms(*order, "", kModel);
  CHECK(order->requests[0].priority == 0);
  CHECK_FALSE(order->requests[0].deadline);
  CHECK_FALSE(order->requests[0].retain);
  CHECK(order->requests[0].cache_salt.empty());
  CHECK(served_tier(order->terms, kModel).empty());
}

TEST_CASE("each term has its range, and what is outside is refused by name") {
  CHECK(parse(R"("priority":100)"));
  CHECK(parse(R"("priority":-100)"));
  CHECK(error_of(R"("priority":101)") == "invalid_value:priority");
  CHECK(error_of(R"("priority":-101)") == "invalid_value:priority");
  CHECK(error_of(R"("priority":1.5)") == "invalid_value:priority");
  CHECK(error_of(R"("priority":"high")") == "invalid_value:priority");
  CHECK(parse(R"("deadline_ms":86400000)"));
  CHECK(error_of(R"("deadline_ms":86400001)") == "invalid_value:deadline_ms");
  CHECK(error_of(R"("deadline_ms":-1)") == "invalid_value:deadline_ms");
  CHECK(parse(R"("retain":1)"));
  CHECK(parse(R"("retain":3600)"));
  CHECK(error_of(R"("retain":3601)") == "invalid_value:retain");
  CHECK(error_of(R"("retain":0)") == "invalid_value:retain");
  CHECK(error_of(R"("retain":true)") == "invalid_value:retain");
  CHECK(parse(R"("cache_salt":")" + std::string(1024, 's') + "\""));
  CHECK(error_of(R"("cache_salt":")" + std::string(1025, 's') + "\"") ==
        "invalid_value:cache_salt");
  CHECK(error_of(R"("cache_salt":"")") == "invalid_value:cache_salt");
  CHECK(parse(R"("request_id":")" + std::string(128, 'r') + "\""));
  CHECK(error_of(R"("request_id":")" + std::string(129, 'r') + "\"") == "invalid_value:request_id");
  CHECK(error_of(R"("request_id":"a/b")") == "invalid_value:request_id");
  CHECK(error_of(R"("request_id":7)") == "invalid_value:request_id");
  CHECK(error_of(R"("service_tier":"gold")") == "invalid_value:service_tier");
  CHECK(error_of(R"("service_tier":1)") == "invalid_value:service_tier");
  CHECK(error_of(R"("retain":5,"echo":true)") == "unsupported:echo");
}

TEST_CASE("a tier is a class of priority, and is told as it was served") {
  struct Row {
    std::string asked;
    std::int32_t priority;
    std::string served;
  };

  const std::vector<Row> rows = {{"flex", -50, "flex"},
                                 {"auto", 0, "default"},
                                 {"default", 0, "default"},
                                 {"priority", 50, "priority"},
                                 {"fast", 50, "priority"}};
  for (const auto& row : rows) {
    CAPTURE(row.asked);
    const auto order = parse(R"("service_tier":")" + row.asked + "\"");
    REQUIRE(order.has_value());
    CHECK(priority_of(order->terms, kModel) == row.priority);
    CHECK(served_tier(order->terms, kModel) == row.served);
    CHECK(priority_of(order->terms, kDeaf) == 0);
    CHECK(served_tier(order->terms, kDeaf) == "default");
  }
  CHECK(error_of(R"("service_tier":"flex","priority":1)") == "invalid_value:priority");
  CHECK(parse(R"("service_tier":"auto","priority":1)"));
}

TEST_CASE("a model that heeds no priority refuses any but 0, whoever asks") {
  GenerateRequest request;
  request.prompt = TextPrompt{"a"};
  CHECK(validate(request, kDeaf));
  request.priority = 1;
  CHECK(validate(request, kModel));
  CHECK(validate(request, kDeaf).error().param == "priority");
  request.priority = kMaxPriority + 1;
  CHECK(validate(request, kModel).error().param == "priority");
  request.priority = 0;
  request.retain = kMaxRetain;
  CHECK(validate(request, kModel));
  request.retain = kMaxRetain + Duration(1);
  CHECK(validate(request, kModel).error().param == "retain");
  request.retain.reset();
  request.deadline = Duration::zero();
  CHECK(validate(request, kModel).error().param == "deadline_ms");
}

TEST_CASE("a digest is the one of the standard's examples") {
  CHECK(sha256_hex("", 32) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc", 32) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 32) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256_hex(std::string(1'000'000, 'a'), 32) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK(sha256_hex("abc", 4) == "ba7816bf");
}

TEST_CASE("each key has its tenant, whose name does not change and is not the key") {
  const KeyRing ring({"first", "second"});
  const auto first = ring.tenant_of("first");
  const auto second = ring.tenant_of("second");
  REQUIRE((first && second));
  CHECK(*first != *second);
  CHECK(first->size() == 32);
  CHECK(first->find("first") == std::string::npos);
  CHECK(KeyRing({"other", "first"}).tenant_of("first") == first);
  CHECK_FALSE(ring.tenant_of("third"));
  CHECK_FALSE(ring.tenant_of(""));
  CHECK(KeyRing({}).tenant_of("whoever") == "");
  CHECK(KeyRing({}).is_open());
}

TEST_CASE("a position is what it was written as") {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    StreamPosition position;
    position.usage_told = random() % 2 == 0;
    for (std::size_t i = 0; i < 1 + random() % 4; ++i) {
      ChoicePosition choice;
      choice.begun = random() % 4 != 0;
      if (choice.begun) {
        choice.num_places = static_cast<std::int32_t>(random() % 1000);
        choice.finished = random() % 2 == 0;
      }
      position.choices.push_back(choice);
    }
    std::string text;
    append_position(text, position);
    CAPTURE(text);

    const auto parsed = parse_position(text, position.choices.size());

    REQUIRE(parsed.has_value());
    CHECK(*parsed == position);
    CHECK_FALSE(parse_position(text, position.choices.size() + 1).has_value());
  }
  for (const auto* bad :
       {"", "x", "-1", "1.", ".1", "1..2", "f", "u", "1uf", "99999999999", "1 ", "+1", "1.5ff"}) {
    CAPTURE(bad);
    CHECK(parse_position(bad, 1).error().param == "from");
    CHECK_FALSE(parse_position(bad, 2).has_value());
  }
}

KnownCall call_of(const std::string& tenant, std::uint64_t request) {
  KnownCall call;
  call.tenant = tenant;
  call.requests = {RequestId{request}};
  return call;
}

TEST_CASE("a call is found by its names and by its tenant alone") {
  const auto ledger = std::make_shared<CallLedger>(2);
  auto ticket = std::make_optional(CallLedger::enter(ledger, call_of("t", 1), {"a", "b"}));

  CHECK(ledger->find("t", "a")->requests.front() == RequestId{1});
  CHECK(ledger->find("t", "b") != nullptr);
  CHECK(ledger->find("other", "a") == nullptr);
  CHECK(ledger->find("t", "c") == nullptr);
  CHECK(ledger->is_attached("t", "a"));
  CHECK_FALSE(ledger->is_attached("other", "a"));

  const auto rival = CallLedger::enter(ledger, call_of("t", 2), {"a", "c"});
  CHECK(ledger->find("t", "a")->requests.front() == RequestId{1});
  CHECK(ledger->find("t", "c")->requests.front() == RequestId{2});
  const auto stranger = CallLedger::enter(ledger, call_of("other", 3), {"a"});
  CHECK(ledger->find("other", "a")->requests.front() == RequestId{3});

  ticket.reset();
  CHECK(ledger->find("t", "a") != nullptr);
  CHECK_FALSE(ledger->is_attached("t", "a"));
  const auto heir = CallLedger::enter(ledger, call_of("t", 4), {"a"});
  CHECK(ledger->find("t", "a")->requests.front() == RequestId{4});
  CHECK(ledger->find("t", "b")->requests.front() == RequestId{1});
}

TEST_CASE("of the calls that were left the ledger remembers so many, the latest") {
  const auto ledger = std::make_shared<CallLedger>(2);
  const auto make = [&](std::uint64_t id, const std::string& name) {
    static_cast<void>(CallLedger::enter(ledger, call_of("", id), {name}));
  };
  make(1, "a");
  make(2, "b");
  CHECK(ledger->find("", "a") != nullptr);
  make(3, "a");
  CHECK(ledger->find("", "b") != nullptr);
  CHECK(ledger->find("", "a")->requests.front() == RequestId{3});
  make(4, "d");
  CHECK(ledger->find("", "b") == nullptr);
  CHECK(ledger->find("", "a") != nullptr);
}

TEST_CASE("the paths of a request have their methods") {
  CHECK(find_route(HttpMethod::get, "/v1/requests/x").route == Route::request);
  CHECK(find_route(HttpMethod::remove, "/v1/requests/x").route == Route::cancel_request);
  const auto stream = find_route(HttpMethod::get, "/v1/requests/x/stream");
  CHECK(stream.route == Route::request_stream);
  CHECK(stream.rest == "x");
  CHECK(find_route(HttpMethod::post, "/v1/requests/x").allowed == "GET, HEAD, DELETE, OPTIONS");
  CHECK(find_route(HttpMethod::remove, "/v1/requests/x/stream").fit == RouteFit::wrong_method);
  CHECK(find_route(HttpMethod::get, "/v1/requests/x/y").fit == RouteFit::no_such_path);
  CHECK(find_route(HttpMethod::get, "/v1/requests/").fit == RouteFit::no_such_path);
  CHECK(find_route(HttpMethod::get, "/v1/requests//stream").fit == RouteFit::no_such_path);
}

TEST_CASE("a call is as far as its choices are") {
  const auto phase = [](std::vector<RequestPhase> phases) {
    std::vector<RequestSnapshot> choices;
    for (const auto each : phases) {
      choices.emplace_back().phase = each;
    }
    return phase_of(choices);
  };
  using enum RequestPhase;
  CHECK(phase({queued, queued}) == queued);
  CHECK(phase({queued, running}) == running);
  CHECK(phase({queued, finished}) == running);
  CHECK(phase({running, finished}) == running);
  CHECK(phase({finished, finished}) == finished);
  CHECK(phase({running, failed}) == failed);
}

}  // namespace
