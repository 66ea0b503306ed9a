// Where requests are placed, and what becomes of them when engines go.
#include "engine/gateway/routing_table.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

constexpr EngineId kA{0};
constexpr EngineId kB{1};
constexpr AttemptNumber kFirst{1};
constexpr AttemptNumber kSecond{2};

EngineStatus healthy(EngineId engine) {
  EngineStatus status;
  status.engine = engine;
  status.health = EngineHealth::healthy;
  status.num_total_blocks = 8;
  status.num_free_blocks = 8;
  return status;
}

}  // namespace

TEST_CASE("a request that comes before any engine waits for one") {
  RoutingTable table;

  const auto placed = table.place(RequestId{1}, kFirst);

  REQUIRE(placed);
  CHECK_FALSE(placed->has_value());
  table.engine_ready(healthy(kA));
  CHECK(*table.place(RequestId{1}, kFirst) == kA);
}

TEST_CASE("requests go to the engine with the fewest, and leaving makes room") {
  RoutingTable table;
  table.engine_ready(healthy(kA));
  table.engine_ready(healthy(kB));

  CHECK(*table.place(RequestId{1}, kFirst) == kA);
  CHECK(*table.place(RequestId{2}, kFirst) == kB);
  CHECK(*table.place(RequestId{3}, kFirst) == kA);
  table.forget(RequestId{1});
  table.forget(RequestId{3});
  CHECK(*table.place(RequestId{4}, kFirst) == kA);
  table.forget(RequestId{99});
  CHECK(table.status().num_live_requests == 2);
}

TEST_CASE("an engine that goes down gives its requests back, and others take them") {
  RoutingTable table;
  table.engine_ready(healthy(kA));
  table.engine_ready(healthy(kB));
  REQUIRE(table.place(RequestId{1}, kFirst));
  REQUIRE(table.place(RequestId{2}, kFirst));

  const auto lost = table.engine_down(kA, EngineHealth::restarting);

  CHECK(lost == std::vector<RequestId>{RequestId{1}});
  CHECK_FALSE(table.engine_of(RequestId{1}));
  CHECK(*table.place(RequestId{1}, kSecond) == kB);
}

TEST_CASE("when every engine was given up, a request hears it at once") {
  RoutingTable table;
  table.engine_ready(healthy(kA));
  CHECK(table.engine_down(kA, EngineHealth::given_up).empty());

  const auto placed = table.place(RequestId{1}, kFirst);

  REQUIRE_FALSE(placed);
  CHECK(placed.error().code == ErrorCode::unhealthy);
  CHECK_FALSE(table.status().ready());
}

TEST_CASE("a draining gateway refuses new requests and keeps those that it has accepted") {
  RoutingTable table;
  table.engine_ready(healthy(kA));
  table.drain();

  CHECK(table.place(RequestId{1}, kFirst).error().code == ErrorCode::draining);
  CHECK(*table.place(RequestId{2}, kSecond) == kA);
}

TEST_CASE("an engine's load never changes what its supervisor said of its health") {
  RoutingTable table;
  table.engine_ready(healthy(kA));
  CHECK(table.engine_down(kA, EngineHealth::restarting).empty());
  auto late = healthy(kA);
  late.num_running = 3;

  table.engine_load(late);

  CHECK(table.status().engines.front().health == EngineHealth::restarting);
  CHECK(table.status().engines.front().num_running == 3);
}

}  // namespace troupe
