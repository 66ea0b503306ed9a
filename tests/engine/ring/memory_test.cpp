// What memory does for the ring: preempted sequences come back from the host, prompts that begin
// alike are computed once, and no tenant sees another's blocks.
#include "tests/support/ring.h"
#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace troupe::test {
namespace {

RingOptions options(std::int32_t num_blocks, std::int32_t num_host_blocks) {
  RingOptions options;
  options.config = make_config(num_blocks, 4);
  options.config.scheduling.preemption = PreemptionMode::swap;
  options.num_host_blocks = num_host_blocks;
  options.vocab_size = 1000;
  return options;
}

void check_tokens(const Ring& ring) {
  for (const auto& [request, log] : ring.logs()) {
    CAPTURE(request.value);
    CHECK(log.tokens == log.oracle);
  }
}

/// Two sequences of which only one can grow to its end; the later one gives way.
void crowd(Ring& ring) {
  for (std::uint64_t number = 1; number <= 2; ++number) {
    const auto first = static_cast<TokenId>(number * 30);
    REQUIRE(ring.submit(make_request(number, counting(12, first), 16)));
  }
}

TEST_CASE("a preempted sequence that finds its blocks on the host computes little anew") {
  Ring swapped(options(8, 8));
  crowd(swapped);
  swapped.run_until_silent();
  Ring recomputed(options(8, 0));
  crowd(recomputed);
  recomputed.run_until_silent();

  check_tokens(swapped);
  check_tokens(recomputed);
  CHECK(swapped.sightings().preemptions > 0);
  CHECK(swapped.sightings().swapped_in > 0);
  CHECK(recomputed.sightings().swapped_out == 0);
  CHECK(swapped.memory().statistics().num_hit_tokens >
        recomputed.memory().statistics().num_hit_tokens);
}

TEST_CASE("requests that come together with one prompt have it computed once") {
  auto one_by_one = options(64, 0);
  one_by_one.config.enable_prefix_caching = false;
  const auto prefill_tokens = [](const RingOptions& options) {
    Ring ring(options);
    for (std::uint64_t number = 1; number <= 4; ++number) {
      REQUIRE(ring.submit(make_request(number, counting(13), 2)));
    }
    ring.run_until_silent();
    check_tokens(ring);
    return ring.scheduler().statistics().num_prefill_tokens;
  };

  CHECK(prefill_tokens(one_by_one) == 4 * 13);
  CHECK(prefill_tokens(options(64, 0)) == 13 + 3);
}

TEST_CASE("under salts of their own they all compute it") {
  Ring ring(options(64, 0));
  for (std::uint64_t number = 1; number <= 4; ++number) {
    auto request = make_request(number, counting(13), 2);
    request.cache_salt = std::string(number, 's');
    REQUIRE(ring.submit(request));
  }
  ring.run_until_silent();

  check_tokens(ring);
  CHECK(ring.scheduler().statistics().num_prefill_tokens == 4 * 13);
  CHECK(ring.sightings().awaited == 0);
}

TEST_CASE("a device that dies takes the host tier with it, and no token is lost") {
  Ring ring(options(8, 8));
  crowd(ring);
  while (ring.sightings().swapped_out == 0) {
    const auto moved = ring.settle() || ring.deliver_grant() || ring.enqueue_plan() ||
                       ring.finish_step() || ring.deliver_result();
    REQUIRE(moved);
  }
  REQUIRE(ring.enqueue_plan());
  REQUIRE(ring.crash());
  CHECK(ring.memory().statistics().num_swapped_out_blocks == 0);

  ring.run_until_silent();

  check_tokens(ring);
}

}  // namespace
}  // namespace troupe::test
