#include "engine/memory/prefix_cache.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <utility>
#include <vector>

namespace troupe {
namespace {

using Tokens = std::vector<TokenId>;

constexpr StepNumber kStep{1};
constexpr PrefixId kNothing{};

TEST_CASE("a cached block is found by its tokens and by all tokens before them") {
  PrefixCache cache(4, 2);
  cache.insert(kNothing, Tokens{1, 2}, BlockId{0}, kStep);
  const auto first = cache.prefix_of(BlockId{0});
  cache.insert(first, Tokens{3, 4}, BlockId{1}, kStep);

  CHECK(cache.find(kNothing, Tokens{1, 2}) == BlockId{0});
  CHECK(cache.find(first, Tokens{3, 4}) == BlockId{1});
  CHECK_FALSE(cache.find(kNothing, Tokens{3, 4}));
  CHECK_FALSE(cache.find(first, Tokens{1, 2}));
  CHECK(cache.size() == 2);
}

TEST_CASE("what stands behind a prefix that was given up is not found behind its successor") {
  PrefixCache cache(3, 1);
  cache.insert(kNothing, Tokens{1}, BlockId{0}, kStep);
  cache.insert(cache.prefix_of(BlockId{0}), Tokens{2}, BlockId{1}, kStep);

  cache.erase(BlockId{0});
  cache.insert(kNothing, Tokens{9}, BlockId{0}, kStep);

  CHECK_FALSE(cache.find(kNothing, Tokens{1}));
  CHECK_FALSE(cache.find(cache.prefix_of(BlockId{0}), Tokens{2}));
}

TEST_CASE("a block tells which step wrote it") {
  PrefixCache cache(1, 1);
  cache.insert(kNothing, Tokens{1}, BlockId{0}, StepNumber{7});

  CHECK(cache.written(BlockId{0}) == StepNumber{7});
}

TEST_CASE("partial blocks, second entries and entries that are not there are bugs") {
  PrefixCache cache(2, 2);
  cache.insert(kNothing, Tokens{1, 2}, BlockId{0}, kStep);

  CHECK_THROWS_AS(static_cast<void>(cache.find(kNothing, Tokens{1})), InvariantViolation);
  CHECK_THROWS_AS(cache.insert(kNothing, Tokens{3, 4}, BlockId{0}, kStep), InvariantViolation);
  CHECK_THROWS_AS(cache.insert(kNothing, Tokens{1, 2}, BlockId{1}, kStep), InvariantViolation);
  CHECK_THROWS_AS(cache.erase(BlockId{1}), InvariantViolation);
  CHECK_THROWS_AS(PrefixCache(1, 0), InvariantViolation);
}

TEST_CASE("a full cache of colliding buckets finds exactly what a map would find") {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    PrefixCache cache(8, 1);
    std::map<std::pair<PrefixId, TokenId>, BlockId> oracle;
    for (int operation = 0; operation < 300; ++operation) {
      const BlockId block{static_cast<std::int32_t>(random() % 8)};
      const auto parent =
          random() % 2 == 0 ? kNothing : cache.prefix_of(BlockId{static_cast<int>(random() % 8)});
      const auto token = static_cast<TokenId>(random() % 4);
      const auto found = cache.find(parent, Tokens{token});
      const auto known = oracle.find({parent, token});
      REQUIRE(found.has_value() == (known != oracle.end()));
      if (found) {
        REQUIRE(*found == known->second);
      } else if (!cache.contains(block)) {
        cache.insert(parent, Tokens{token}, block, kStep);
        oracle[{parent, token}] = block;
      } else {
        cache.erase(block);
        std::erase_if(oracle, [&](const auto& entry) { return entry.second == block; });
      }
      cache.audit();
      REQUIRE(cache.size() == static_cast<std::int32_t>(oracle.size()));
    }
  }
}

}  // namespace
}  // namespace troupe
