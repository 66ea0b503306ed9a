// What the ring promises, one promise a test, each under an order of messages made for it.
#include "tests/support/ring.h"

#include "engine/base/check.h"
#include "engine/scheduling/limits.h"

#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace troupe::test {
namespace {

RingOptions options(std::int32_t num_blocks, std::int32_t block_size) {
  RingOptions options;
  options.config = make_config(num_blocks, block_size);
  options.vocab_size = 1000;
  return options;
}

void submit(Ring& ring, std::uint64_t number, std::int32_t num_prompt, std::int32_t max_output) {
  const auto first = static_cast<TokenId>(number * 30);
  REQUIRE(ring.submit(make_request(number, counting(num_prompt, first), max_output)));
}

/// One step travels round the ring, and nothing is left in flight.
void turn(Ring& ring) {
  REQUIRE(ring.settle());
  REQUIRE(ring.deliver_grant());
  if (ring.last_grant().plan_sent) {
    REQUIRE(ring.enqueue_plan());
    REQUIRE(ring.finish_step());
    REQUIRE(ring.deliver_result());
  }
}

Ending ending(const Ring& ring, std::uint64_t number) {
  const auto& log = ring.log(RequestId{number});
  REQUIRE(log.ending);
  return *log.ending;
}

TEST_CASE("an empty ring is silent, and silent again after its work") {
  Ring ring(options(16, 4));
  ring.check_silence();

  submit(ring, 1, 4, 3);
  ring.run_until_silent();

  CHECK(ending(ring, 1) == Ending::length);
}

TEST_CASE("blocks come home by a proposal of their own, without any new work") {
  Ring ring(options(16, 4));
  submit(ring, 1, 4, 1);
  turn(ring);
  REQUIRE(ring.log(RequestId{1}).ending);
  REQUIRE(ring.proposal());
  CHECK(ring.proposal()->candidates.empty());

  turn(ring);

  ring.check_silence();
}

TEST_CASE("the next step is planned and enqueued while the device still computes this one") {
  Ring ring(options(16, 4));
  submit(ring, 1, 4, 8);
  REQUIRE(ring.settle());
  REQUIRE(ring.enqueue_plan());
  REQUIRE(ring.deliver_grant());
  REQUIRE(ring.settle());
  REQUIRE(ring.enqueue_plan());
  REQUIRE(ring.deliver_grant());

  CHECK_FALSE(ring.proposal());
  ring.run_until_silent();

  CHECK(ring.sightings().overlapped > 0);
  CHECK(ring.log(RequestId{1}).tokens == ring.log(RequestId{1}).oracle);
}

TEST_CASE("a request that stops by a token costs one discarded row, one that ends by length none") {
  auto stopping = options(16, 4);
  stopping.eos_one_in = 1;
  Ring ring(stopping);
  submit(ring, 1, 4, 8);
  ring.run_until_silent();
  CHECK(ending(ring, 1) == Ending::stop);

  Ring other(options(16, 4));
  submit(other, 1, 4, 2);
  other.run_until_silent();

  CHECK(other.scheduler().statistics().num_discarded_rows == 0);
}

TEST_CASE("a cancelled request is in no plan made after the cancel was heard") {
  Ring ring(options(16, 4));
  submit(ring, 1, 4, 20);
  submit(ring, 2, 4, 20);
  turn(ring);
  turn(ring);  // the second request enters with the first proposal after it
  REQUIRE(ring.deliver_late() == false);

  ring.cancel(RequestId{2});
  turn(ring);  // was proposed before the cancel
  REQUIRE(ring.proposal());

  CHECK(ring.proposal()->candidates.size() == 1);
  CHECK(ring.proposal()->releases.size() == 1);
}

TEST_CASE("the blocks of a cancelled request are back when the steps in flight are done") {
  Ring ring(options(4, 4));
  submit(ring, 1, 12, 4);
  REQUIRE(ring.settle());
  REQUIRE(ring.enqueue_plan());
  REQUIRE(ring.deliver_grant());
  REQUIRE(ring.settle());
  REQUIRE(ring.enqueue_plan());
  REQUIRE(ring.deliver_grant());
  ring.cancel(RequestId{1});
  CHECK(ring.memory().num_free_blocks() == 0);

  REQUIRE(ring.finish_step());
  REQUIRE(ring.deliver_result());
  REQUIRE(ring.settle());

  CHECK(ring.memory().num_free_blocks() == 4);
}

TEST_CASE("what a cancelled request computed serves the next one with the same prefix") {
  Ring ring(options(16, 4));
  submit(ring, 1, 12, 20);
  turn(ring);
  ring.cancel(RequestId{1});
  ring.run_until_silent();
  REQUIRE(ring.submit(make_request(2, counting(13, 30), 2)));

  ring.run_until_silent();

  CHECK(ring.log(RequestId{2}).num_cached_tokens == 12);
}

TEST_CASE("what was generated serves a follow-up that continues it") {
  Ring ring(options(32, 4));
  submit(ring, 1, 6, 11);
  ring.run_until_silent();
  auto follow_up = ring.log(RequestId{1}).tokens;
  REQUIRE(follow_up.size() == 17);
  follow_up.push_back(5);
  REQUIRE(ring.submit(make_request(2, follow_up, 2)));

  ring.run_until_silent();

  CHECK(ring.log(RequestId{2}).num_cached_tokens == 16);
}

TEST_CASE("when blocks run out the latest arrival is recomputed later, and nobody notices") {
  Ring ring(options(8, 2));
  submit(ring, 1, 4, 11);
  submit(ring, 2, 4, 11);
  ring.run_until_silent();

  CHECK(ring.log(RequestId{1}).num_preemptions == 0);
  CHECK(ring.log(RequestId{2}).num_preemptions > 0);
  CHECK(ring.log(RequestId{1}).tokens == ring.log(RequestId{1}).oracle);
  CHECK(ring.log(RequestId{2}).tokens == ring.log(RequestId{2}).oracle);
}

TEST_CASE("a preemption makes only rows of its own and later plans void: earlier tokens count") {
  Ring ring(options(8, 2));
  submit(ring, 1, 4, 11);
  submit(ring, 2, 4, 11);
  while (ring.last_grant().preempted.empty()) {
    // The grant is delivered before the result of the step ahead, so that one is in flight.
    const auto moved = ring.settle() || ring.deliver_grant() || ring.enqueue_plan() ||
                       ring.finish_step() || ring.deliver_result();
    REQUIRE(moved);
  }
  const auto known = ring.log(RequestId{2}).tokens.size();
  while (ring.deliver_grant() || ring.enqueue_plan() || ring.finish_step()) {
  }
  while (ring.deliver_result()) {
  }

  CHECK(ring.log(RequestId{2}).tokens.size() > known);
  ring.run_until_silent();
}

TEST_CASE("one that does not fit now waits while smaller ones pass it, but not for ever") {
  auto narrow = options(8, 2);
  narrow.config.max_num_seqs = 3;
  Ring ring(narrow);
  submit(ring, 1, 2, 9);
  turn(ring);
  submit(ring, 2, 14, 2);  // needs the whole cache
  constexpr std::uint64_t kNumSmall = 90;
  for (std::uint64_t number = 3; number < 3 + kNumSmall; ++number) {
    submit(ring, number, 1, 2);
  }

  std::size_t num_passed = 0;
  while (!ring.log(RequestId{2}).ending) {
    turn(ring);
    const auto is_small_and_done = [](const auto& entry) {
      return entry.first.value > 2 && entry.second.ending;
    };
    num_passed = static_cast<std::size_t>(std::ranges::count_if(ring.logs(), is_small_and_done));
  }

  CHECK(num_passed > 0);
  CHECK(num_passed <= static_cast<std::size_t>(kMaxPasses));
  ring.run_until_silent();
}

TEST_CASE("one that can never fit is refused at once, and the others do not notice") {
  Ring ring(options(4, 4));
  submit(ring, 1, 4, 4);

  const auto refused = ring.submit(make_request(2, counting(16), 1));

  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::never_fits);
  ring.run_until_silent();
  CHECK(ending(ring, 1) == Ending::length);
}

TEST_CASE("a request as great as the whole cache runs") {
  Ring ring(options(4, 4));

  submit(ring, 1, 8, 8);
  ring.run_until_silent();

  CHECK(ending(ring, 1) == Ending::length);
}

TEST_CASE("many requests behind one prefix enter in one step once it is cached") {
  auto wide = options(256, 4);
  wide.config.max_num_batched_tokens = 48;
  Ring ring(wide);
  const auto prompt = counting(41);
  REQUIRE(ring.submit(make_request(1, prompt, 50)));
  turn(ring);
  for (std::uint64_t number = 2; number <= 7; ++number) {
    REQUIRE(ring.submit(make_request(number, prompt, 50)));
  }
  turn(ring);
  turn(ring);

  CHECK(ring.last_grant().rows.size() == 7);
  ring.run_until_silent();
}

TEST_CASE("a device that dies loses no token: requests go on from what they have") {
  Ring ring(options(32, 4));
  submit(ring, 1, 5, 12);
  submit(ring, 2, 5, 12);
  turn(ring);
  turn(ring);
  REQUIRE(ring.settle());
  REQUIRE(ring.enqueue_plan());
  REQUIRE(ring.crash());

  ring.run_until_silent();

  CHECK(ending(ring, 1) == Ending::length);
  CHECK(ending(ring, 2) == Ending::length);
  CHECK(ring.log(RequestId{1}).request.attempt == AttemptNumber{2});
}

TEST_CASE("the one poisonous request of a batch ends alone, its batch mates finish") {
  for (std::uint64_t poison = 1; poison <= 8; ++poison) {
    CAPTURE(poison);
    Ring ring(options(64, 4));
    ring.poison(RequestId{poison});
    for (std::uint64_t number = 1; number <= 8; ++number) {
      submit(ring, number, 5, 6);
    }
    ring.run_until_silent();

    for (std::uint64_t number = 1; number <= 8; ++number) {
      CHECK(ending(ring, number) == (number == poison ? Ending::worker_lost : Ending::length));
    }
    CHECK(ring.sightings().crashes <= 6);
  }
}

}  // namespace
}  // namespace troupe::test
