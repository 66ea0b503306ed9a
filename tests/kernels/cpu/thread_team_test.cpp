// Whether each unit of work is done once, whoever does it.
#include "kernels/cpu/thread_team.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

namespace troupe::cpu {
namespace {

TEST_CASE("a team does every unit exactly once and has finished when it returns") {
  for (std::int32_t threads = 1; threads <= 4; ++threads) {
    ThreadTeam team(threads);
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
      CAPTURE(threads);
      CAPTURE(seed);
      std::mt19937 random(seed);
      const auto num_units = static_cast<std::int32_t>(random() % 200);
      std::vector<std::int32_t> visits(static_cast<std::size_t>(num_units), 0);

      team.run(num_units, [&](std::int32_t begin, std::int32_t end) {
        for (std::int32_t unit = begin; unit < end; ++unit) {
          ++visits[static_cast<std::size_t>(unit)];
        }
      });

      REQUIRE(std::ranges::count(visits, 1) == num_units);
    }
  }
}

TEST_CASE("each job of a team sees what the job before wrote") {
  ThreadTeam team(3);
  std::vector<std::int64_t> values(100, 0);

  for (std::int64_t round = 1; round <= 2000; ++round) {
    team.run(100, [&](std::int32_t begin, std::int32_t end) {
      for (std::int32_t i = begin; i < end; ++i) {
        values[static_cast<std::size_t>(i)] += round;
      }
    });
  }

  CHECK(std::ranges::count(values, 2000 * 2001 / 2) == 100);
}

TEST_CASE("a team that was never used can be dismissed") {
  for (int i = 0; i < 20; ++i) {
    const ThreadTeam team(3);
    CHECK(team.num_threads() == 3);
  }
}

TEST_CASE("a team of nobody is refused") {
  CHECK_THROWS_AS(ThreadTeam(0), InvariantViolation);
}

}  // namespace
}  // namespace troupe::cpu
