#include "engine/memory/prefix_index.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <utility>
#include <vector>

namespace troupe {
namespace {

using Tokens = std::vector<TokenId>;

constexpr PrefixId kNothing{};

/// Gives out names in turn.
struct NamedIndex {
  NamedIndex(std::int32_t num_places, std::int32_t block_size) : index(num_places, block_size) {}

  PrefixIndex index;
  std::uint64_t last = 0;

  PrefixId insert(PrefixId parent, const Tokens& tokens, std::int32_t place) {
    index.insert({parent, tokens, PrefixId{++last}}, place);
    return PrefixId{last};
  }
};

TEST_CASE("content is found by its tokens and by all tokens before them") {
  NamedIndex named(4, 2);
  const auto first = named.insert(kNothing, {1, 2}, 0);
  named.insert(first, {3, 4}, 1);

  CHECK(named.index.find(kNothing, Tokens{1, 2}) == 0);
  CHECK(named.index.find(first, Tokens{3, 4}) == 1);
  CHECK_FALSE(named.index.find(kNothing, Tokens{3, 4}));
  CHECK_FALSE(named.index.find(first, Tokens{1, 2}));
  CHECK(named.index.size() == 2);
}

TEST_CASE("what stands behind a prefix that was given up is not found behind its successor") {
  NamedIndex named(3, 1);
  const auto first = named.insert(kNothing, {1}, 0);
  named.insert(first, {2}, 1);

  named.index.erase(0);
  const auto successor = named.insert(kNothing, {9}, 0);

  CHECK_FALSE(named.index.find(kNothing, Tokens{1}));
  CHECK_FALSE(named.index.find(successor, Tokens{2}));
}

TEST_CASE("partial blocks, second entries and entries that are not there are bugs") {
  NamedIndex named(2, 2);
  named.insert(kNothing, {1, 2}, 0);

  CHECK_THROWS_AS(static_cast<void>(named.index.find(kNothing, Tokens{1})), InvariantViolation);
  CHECK_THROWS_AS(named.insert(kNothing, {3, 4}, 0), InvariantViolation);
  CHECK_THROWS_AS(named.insert(kNothing, {1, 2}, 1), InvariantViolation);
  CHECK_THROWS_AS(named.index.erase(1), InvariantViolation);
  CHECK_THROWS_AS(PrefixIndex(1, 0), InvariantViolation);
}

TEST_CASE("a full index of colliding buckets finds exactly what a map would find") {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    NamedIndex named(8, 1);
    std::map<std::pair<PrefixId, TokenId>, std::int32_t> oracle;
    for (int operation = 0; operation < 300; ++operation) {
      const auto place = static_cast<std::int32_t>(random() % 8);
      const auto parent =
          random() % 2 == 0 ? kNothing : named.index.name(static_cast<std::int32_t>(random() % 8));
      const auto token = static_cast<TokenId>(random() % 4);
      const auto found = named.index.find(parent, Tokens{token});
      const auto known = oracle.find({parent, token});
      REQUIRE(found.has_value() == (known != oracle.end()));
      if (found) {
        REQUIRE(*found == known->second);
      } else if (!named.index.contains(place)) {
        named.insert(parent, {token}, place);
        oracle[{parent, token}] = place;
      } else {
        named.index.erase(place);
        std::erase_if(oracle, [&](const auto& entry) { return entry.second == place; });
      }
      named.index.audit();
      REQUIRE(named.index.size() == static_cast<std::int32_t>(oracle.size()));
    }
  }
}

}  // namespace
}  // namespace troupe
