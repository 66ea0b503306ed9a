#include "engine/simulation/fleet.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

Workload uniform_list(std::int32_t num_prompt_tokens, std::int32_t num_output_tokens) {
  Workload list;
  list.name = "uniform";
  list.requests.push_back({Duration::zero(), num_prompt_tokens, num_output_tokens, 0, 0, {}});
  return list;
}

FleetOptions small_fleet() {
  FleetOptions options;
  options.num_nodes = 4;
  options.num_requests = 200;
  auto& engine = options.engine;
  engine.engine.num_blocks = 200;
  engine.engine.block_size = 4;
  engine.engine.max_model_len = 1000;
  engine.engine.max_num_seqs = 8;
  engine.engine.max_num_batched_tokens = 64;
  engine.engine.max_num_queued_requests = 1'000'000;
  engine.engine.enable_prefix_caching = false;
  engine.memory.num_blocks = 200;
  engine.memory.block_size = 4;
  engine.memory.enable_prefix_caching = false;
  engine.cost = equal_step_cost();
  return options;
}

TEST_CASE("one request alone takes a step for its prompt and one for each further token") {
  auto options = small_fleet();
  options.num_nodes = 1;
  options.num_requests = 1;

  const auto report = simulate_fleet(uniform_list(8, 5), options, {});

  CHECK(report.num_finished == 1);
  CHECK(report.num_output_tokens == 5);
  CHECK(report.totals.num_steps == 5);
  CHECK(report.first_token.longest() == kUnitStep);
  CHECK(report.whole.longest() == 5 * kUnitStep);
  CHECK(report.inter_token.count() == 4);
}

TEST_CASE("two requests and one seat: the second waits for the first") {
  auto options = small_fleet();
  options.num_nodes = 1;
  options.num_requests = 2;
  options.load = 1e6;  // both come at once
  options.engine.engine.max_num_seqs = 1;

  const auto report = simulate_fleet(uniform_list(4, 3), options, {});

  CHECK(report.num_finished == 2);
  CHECK(report.totals.num_steps == 6);
  CHECK(report.whole.longest() > 5 * kUnitStep);
  CHECK(report.whole.longest() <= 6 * kUnitStep);
}

TEST_CASE("the same seed gives the same fleet to the bit, another seed another one") {
  auto options = small_fleet();
  options.num_failures = 3;
  options.restart_after = 50ms;
  const auto list = uniform_list(20, 30);

  const auto once = simulate_fleet(list, options, {});
  const auto again = simulate_fleet(list, options, {});
  options.seed = 1;
  const auto other = simulate_fleet(list, options, {});

  CHECK(once.digest == again.digest);
  CHECK(once.end == again.end);
  CHECK(once.whole == again.whole);
  CHECK(once.digest != other.digest);
}

TEST_CASE("whichever nodes die, and when, every request ends with all its tokens") {
  std::int64_t num_resumed = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    auto options = small_fleet();
    options.seed = seed;
    options.num_failures = 6;
    options.restart_after = 40ms;
    options.detected_after = 5ms;
    options.routing = kRoutingNames[seed % 4].routing;
    const auto report = simulate_fleet(uniform_list(20, 30), options, {});

    CHECK(report.num_finished == 200);
    CHECK(report.num_output_tokens == 200 * 30);
    CHECK(report.first_token.count() == 200);
    CHECK(report.inter_token.count() == 200 * 29);
    num_resumed += report.num_resumed;
  }
  CHECK(num_resumed > 100);
}

TEST_CASE("the last node that is up never dies") {
  auto options = small_fleet();
  options.num_nodes = 2;
  options.num_failures = 50;
  options.restart_after = 1h;

  CHECK(simulate_fleet(uniform_list(20, 30), options, {}).num_finished == 200);
}

TEST_CASE("a request that fits on no node is refused, and counted") {
  const auto report = simulate_fleet(uniform_list(900, 200), small_fleet(), {});

  CHECK(report.num_refused == 200);
  CHECK(report.num_finished == 0);
}

std::vector<NodeLoad> loads(const std::vector<std::int32_t>& counts) {
  std::vector<NodeLoad> nodes;
  for (const auto count : counts) {
    nodes.push_back({count, count >= 0});  // negative: down
  }
  return nodes;
}

WorkloadRequest naming(std::vector<std::int64_t> prefix_blocks) {
  WorkloadRequest request;
  request.prefix_blocks = std::move(prefix_blocks);
  return request;
}

TEST_CASE("round robin takes the nodes in turn and leaves out those that are down") {
  FleetRouter router(FleetRouting::round_robin, 0);
  const auto nodes = loads({5, -1, 0});
  std::vector<std::size_t> order;
  for (std::int32_t count = 0; count < 4; ++count) {
    order.push_back(router.place({}, nodes));
  }

  CHECK(order == std::vector<std::size_t>{2, 2, 0, 2});
}

TEST_CASE("the least loaded node that is up is taken, ties by number") {
  FleetRouter router(FleetRouting::least_loaded, 0);

  CHECK(router.place({}, loads({3, 1, 1})) == 1);
  CHECK(router.place({}, loads({3, -1, 1})) == 2);
}

TEST_CASE("a prompt goes where its longest known beginning went") {
  FleetRouter router(FleetRouting::prefix_affinity, 0);
  CHECK(router.place(naming({1, 2}), loads({0, 1, 1})) == 0);
  CHECK(router.place(naming({7, 8}), loads({1, 0, 1})) == 1);

  CHECK(router.place(naming({1, 2, 3}), loads({2, 1, 0})) == 0);
  CHECK(router.place(naming({7, 9}), loads({2, 1, 0})) == 1);
  CHECK(router.place(naming({5}), loads({2, 1, 0})) == 2);

  SUBCASE("but not to one that is down") {
    CHECK(router.place(naming({1, 2}), loads({-1, 1, 0})) == 2);
  }
  SUBCASE("nor for the sake of less than half of it, which others may have too") {
    CHECK(router.place(naming({1, 14, 15}), loads({2, 1, 0})) == 2);
  }
  SUBCASE("nor to one that has far more than its share") {
    CHECK(router.place(naming({1, 2}), loads({100, 1, 0})) == 2);
  }
}

}  // namespace
}  // namespace troupe::simulation
