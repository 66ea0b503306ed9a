#include "engine/simulation/bound.h"

#include "engine/base/check.h"
#include "engine/base/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace troupe::simulation {
namespace {

// The oracle plays step by step: free slots take the next request, everybody who runs loses a step.
std::int64_t play(const std::vector<std::int32_t>& lengths, std::int32_t num_slots) {
  std::vector<std::int32_t> left;
  std::size_t next = 0;
  std::int64_t steps = 0;
  while (next < lengths.size() || !left.empty()) {
    while (std::ssize(left) < num_slots && next < lengths.size()) {
      left.push_back(lengths[next++]);
    }
    for (auto& length : left) {
      --length;
    }
    std::erase(left, 0);
    ++steps;
  }
  return steps;
}

// The same, but nobody joins before all have ended.
std::int64_t play_static(const std::vector<std::int32_t>& lengths, std::int32_t num_slots) {
  std::vector<std::int32_t> left;
  std::size_t next = 0;
  std::int64_t steps = 0;
  while (next < lengths.size() || !left.empty()) {
    const auto joins = left.empty();
    while (joins && std::ssize(left) < num_slots && next < lengths.size()) {
      left.push_back(lengths[next++]);
    }
    for (auto& length : left) {
      --length;
    }
    std::erase(left, 0);
    ++steps;
  }
  return steps;
}

// Of all orders of a short list, the fewest steps.
std::int64_t best_of_all_orders(std::vector<std::int32_t> lengths, std::int32_t num_slots) {
  std::ranges::sort(lengths);
  auto best = play(lengths, num_slots);
  while (std::ranges::next_permutation(lengths).found) {
    best = std::min(best, play(lengths, num_slots));
  }
  return best;
}

std::vector<std::int32_t> draw_lengths(std::uint64_t seed, std::size_t count, std::uint64_t most) {
  std::vector<std::int32_t> lengths;
  for (std::uint64_t number = 0; number < count; ++number) {
    lengths.push_back(1 + static_cast<std::int32_t>(random_bits(seed, number) % most));
  }
  return lengths;
}

}  // namespace

TEST_CASE("list scheduling gives each request the slot that is free first") {
  const std::vector<std::int32_t> lengths = {4, 1, 2, 3};

  CHECK(list_scheduling_steps(lengths, 2) == 6);  // slot 1: 4; slot 2: 1, 2, 3
  CHECK(list_scheduling_steps(lengths, 1) == 10);
  CHECK(list_scheduling_steps(lengths, 4) == 4);
  CHECK(list_scheduling_steps(lengths, 100) == 4);
}

TEST_CASE("a static batch lasts as long as its longest member") {
  const std::vector<std::int32_t> lengths = {4, 1, 2, 3, 5};

  CHECK(static_steps(lengths, 2) == 4 + 3 + 5);
  CHECK(static_steps(lengths, 5) == 5);
  CHECK(idle_slot_steps(lengths, 2) == 3 + 1 + 0);
}

TEST_CASE("an empty list takes no steps") {
  CHECK(list_scheduling_steps({}, 3) == 0);
  CHECK(static_steps({}, 3) == 0);
  CHECK(least_steps({}, 3) == 0);
  CHECK(idle_slot_steps({}, 3) == 0);
}

TEST_CASE("nothing runs on no slots") {
  const std::vector<std::int32_t> lengths = {1};

  CHECK_THROWS_AS((void)list_scheduling_steps(lengths, 0), InvariantViolation);
  CHECK_THROWS_AS((void)static_steps(lengths, 0), InvariantViolation);
  CHECK_THROWS_AS((void)least_steps(lengths, 0), InvariantViolation);
}

TEST_CASE("the steps of both kinds of batching are those of a game played step by step") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    const auto lengths = draw_lengths(seed, seed % 40, 30);
    const auto slots = 1 + static_cast<std::int32_t>(random_bits(seed, 1'000) % 9);

    REQUIRE(list_scheduling_steps(lengths, slots) == play(lengths, slots));
    REQUIRE(static_steps(lengths, slots) == play_static(lengths, slots));
    REQUIRE(list_scheduling_steps(lengths, slots) <= static_steps(lengths, slots));
  }
}

TEST_CASE(
    "no order of a list beats its least steps, and list scheduling is within twice the best") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const auto lengths = draw_lengths(seed, 2 + seed % 6, 9);
    const auto slots = 2 + static_cast<std::int32_t>(seed % 3);
    const auto best = best_of_all_orders(lengths, slots);

    REQUIRE(least_steps(lengths, slots) <= best);
    REQUIRE(list_scheduling_steps(lengths, slots) >= best);
    REQUIRE(list_scheduling_steps(lengths, slots) < 2 * best);
  }
}

TEST_CASE("padding costs the distance from the mean to the longest, for each member") {
  CHECK(padding_bytes(8, 1000, 600, 2.0) == 6400.0);
  CHECK(padding_bytes(8, 600, 600, 2.0) == 0.0);
}

TEST_CASE("the offered load is the slots' share of work that comes in") {
  // 2 requests a second of 100 steps of 10 ms are 2 s of work a second, for 4 slots.
  CHECK(offered_load(2, 100, 4, std::chrono::milliseconds(10)) == doctest::Approx(0.5));
}

}  // namespace troupe::simulation
