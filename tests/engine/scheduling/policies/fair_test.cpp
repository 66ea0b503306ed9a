#include "engine/scheduling/policies/fair.h"

#include "tests/engine/scheduling/scheduler_stage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace troupe {
namespace {

using Stage = test::SchedulerStage;
using test::requests_of;

EngineConfig fair_config(std::int32_t num_seats) {
  auto config = test::make_config(10000, 4);
  config.max_num_seqs = num_seats;
  config.max_num_queued_requests = 1000;
  config.scheduling.policy = SchedulingPolicy::fair;
  return config;
}

void submit(Stage& stage, std::uint64_t number, const std::string& tenant) {
  auto request = test::make_request(number, test::counting(4), 6);
  request.tenant = tenant;
  REQUIRE(stage.scheduler.enqueue(std::move(request)));
}

TEST_CASE("tenants who wait take turns, whoever came first and with however many requests") {
  Stage stage(fair_config(4));
  for (std::uint64_t number = 1; number <= 4; ++number) {
    submit(stage, number, "many");
  }
  submit(stage, 5, "few");
  submit(stage, 6, "few");

  CHECK(requests_of(stage.propose()) == std::vector<std::uint64_t>{1, 5, 2, 6});
}

// One tenant floods the engine, another keeps two requests there: both always have one waiting.
TEST_CASE("between two tenants with waiting requests, service differs by a bounded amount") {
  Stage stage(fair_config(3));
  std::map<std::uint64_t, std::string> tenant_of;
  std::map<std::string, std::int64_t> service;
  std::map<std::string, std::int32_t> num_live;
  std::uint64_t number = 0;
  const auto keep = [&](const std::string& tenant, std::int32_t count) {
    while (num_live[tenant] < count) {
      tenant_of[++number] = tenant;
      submit(stage, number, tenant);
      ++num_live[tenant];
    }
  };
  for (std::int32_t turn = 0; turn < 2000; ++turn) {
    keep("flood", 50);
    keep("steady", 5);
    for (const auto& tokens : stage.turn().tokens) {
      const auto& tenant = tenant_of[tokens.request.value];
      const auto first = tokens.position == 4;
      service[tenant] += first ? policies::service_of(4, 0) : policies::service_of(0, 1);
      num_live[tenant] -= tokens.finished ? 1 : 0;
    }
    // What three seats can hold of whole requests, and the prompt that tips the balance.
    const auto bound = 3 * policies::service_of(4, 6) + policies::service_of(4, 0);
    REQUIRE(std::abs(service["flood"] - service["steady"]) <= bound);
  }
  CHECK(service["flood"] > 1000);
}

TEST_CASE("fair seats are not taken from those who run") {
  Stage stage(fair_config(2));
  submit(stage, 1, "one");
  submit(stage, 2, "one");
  static_cast<void>(stage.turn());
  submit(stage, 3, "other");

  CHECK(stage.propose().candidates.size() == 2);
}

}  // namespace
}  // namespace troupe
