// What an urgent request may count on, with a real memory manager behind the scheduler.
#include "tests/support/ring.h"
#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::test {
namespace {

constexpr std::uint64_t kUrgent = 100;

RingOptions full_engine(SchedulingPolicy policy, std::int32_t num_blocks) {
  RingOptions options;
  options.config = make_config(num_blocks, 4);
  options.config.max_num_seqs = 4;
  options.config.scheduling.policy = policy;
  options.vocab_size = 1000;
  return options;
}

void submit(Ring& ring, std::uint64_t number, std::int32_t priority, std::int32_t max_output) {
  auto request = make_request(number, counting(8, static_cast<TokenId>(number * 8)), max_output);
  request.priority = priority;
  REQUIRE(ring.submit(request));
}

bool names(const StepProposal& proposal, std::uint64_t number) {
  return std::ranges::any_of(proposal.candidates, [&](const Candidate& candidate) {
    return candidate.admission && candidate.admission->request == RequestId{number};
  });
}

/// How many steps the device finishes until `number` has its first token.
std::int32_t steps_to_first_token(Ring& ring, std::uint64_t number) {
  std::int32_t num_steps = 0;
  while (ring.log(RequestId{number}).tokens.size() == 8) {
    REQUIRE(num_steps < 100);
    while (ring.settle() || ring.enqueue_plan() || ring.deliver_grant()) {
    }
    REQUIRE(ring.finish_step());
    REQUIRE(ring.deliver_result());
    ++num_steps;
  }
  return num_steps;
}

// Four low ones hold all seats and, where there are only 16 blocks, all memory.
TEST_CASE(
    "an urgent request on a full engine is in the next plan, and its token at that plan's end") {
  for (const auto policy : {SchedulingPolicy::priority, SchedulingPolicy::aging}) {
    for (const std::int32_t num_blocks : {16, 64}) {
      CAPTURE(num_blocks);
      Ring ring(full_engine(policy, num_blocks));
      for (std::uint64_t number = 1; number <= 4; ++number) {
        submit(ring, number, 0, 8);
      }
      REQUIRE(ring.settle());
      REQUIRE(ring.deliver_grant());
      REQUIRE(ring.enqueue_plan());
      REQUIRE(ring.settle());
      REQUIRE(ring.deliver_grant());
      REQUIRE(ring.enqueue_plan());
      REQUIRE_FALSE(ring.proposal());  // two steps are in flight

      submit(ring, kUrgent, 50, 4);

      // The device ends the step it is in; the plan made then is the first after the arrival.
      REQUIRE(ring.finish_step());
      REQUIRE(ring.deliver_result());
      REQUIRE(ring.proposal());
      CHECK(names(*ring.proposal(), kUrgent));
      REQUIRE(ring.settle());
      CHECK(ring.last_grant().preempted.size() >= 1);
      // The second step in flight, and its own.
      CHECK(steps_to_first_token(ring, kUrgent) == 2);
      ring.run_until_silent();
      for (const auto& [request, log] : ring.logs()) {
        CHECK(log.tokens == log.oracle);  // also of those that had to give way
      }
    }
  }
}

TEST_CASE("an urgent request that memory cannot seat makes nobody give way in vain") {
  Ring ring(full_engine(SchedulingPolicy::priority, 4));
  submit(ring, 1, 0, 7);  // the oldest: it has all four blocks in the end, and keeps them
  REQUIRE(ring.settle());
  REQUIRE(ring.deliver_grant());
  auto request = make_request(kUrgent, counting(12, 800), 2);
  request.priority = 50;
  REQUIRE(ring.submit(request));

  ring.run_until_silent();

  CHECK(ring.sightings().preemptions == 0);
  CHECK(ring.log(RequestId{kUrgent}).ending == Ending::length);
}

}  // namespace
}  // namespace troupe::test
