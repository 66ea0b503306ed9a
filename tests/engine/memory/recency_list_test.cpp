#include "engine/memory/recency_list.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace troupe {
namespace {

TEST_CASE("whoever was linked first is the oldest until it is unlinked") {
  RecencyList list(3);
  CHECK_FALSE(list.oldest());
  list.link(1);
  list.link(0);
  CHECK(list.oldest() == 1);
  list.unlink(1);

  CHECK(list.oldest() == 0);
  CHECK_FALSE(list.contains(1));
  CHECK_THROWS_AS(list.unlink(1), InvariantViolation);
  CHECK_THROWS_AS(list.link(0), InvariantViolation);
}

TEST_CASE("a list keeps the order of a plain vector") {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    RecencyList list(6);
    std::vector<std::int32_t> oracle;
    for (int operation = 0; operation < 100; ++operation) {
      const auto index = static_cast<std::int32_t>(random() % 6);
      if (list.contains(index)) {
        list.unlink(index);
        std::erase(oracle, index);
      } else {
        list.link(index);
        oracle.push_back(index);
      }
      REQUIRE(list.all() == oracle);
      REQUIRE(list.size() == static_cast<std::int32_t>(oracle.size()));
    }
  }
}

}  // namespace
}  // namespace troupe
