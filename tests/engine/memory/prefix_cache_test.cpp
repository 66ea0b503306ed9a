#include "engine/memory/prefix_cache.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace troupe {
namespace {

using Tokens = std::vector<TokenId>;

constexpr StepNumber kStep{1};
constexpr StepNumber kLater{2};
constexpr PrefixId kNothing{};

void insert(PrefixCache& cache, std::int32_t block, PrefixId parent, const Tokens& tokens) {
  const PrefixId name{static_cast<std::uint64_t>(block + 1)};
  cache.insert({parent, tokens, name}, BlockId{block}, kStep);
}

TEST_CASE("a block tells which step wrote it") {
  PrefixCache cache(1, 1);
  insert(cache, 0, kNothing, {1});

  CHECK(cache.written(BlockId{0}) == kStep);
  CHECK(cache.name(BlockId{0}) == PrefixId{1});
}

TEST_CASE("a twin takes over the name, and with it what stands behind") {
  PrefixCache cache(3, 1);
  insert(cache, 0, kNothing, {5});
  insert(cache, 1, PrefixId{1}, {6});
  cache.add_twin(BlockId{0}, BlockId{2}, kLater);
  CHECK(cache.is_twin(BlockId{2}));
  CHECK_THROWS_AS(cache.erase(BlockId{0}), InvariantViolation);

  cache.hand_on(BlockId{0});
  cache.audit();

  CHECK(cache.find(kNothing, Tokens{5}) == BlockId{2});
  CHECK(cache.find(PrefixId{1}, Tokens{6}) == BlockId{1});
  CHECK(cache.written(BlockId{2}) == kLater);
  CHECK_FALSE(cache.contains(BlockId{0}));
  CHECK_FALSE(cache.has_twins(BlockId{2}));
}

TEST_CASE("a twin that goes leaves the name where it is") {
  PrefixCache cache(3, 1);
  insert(cache, 0, kNothing, {5});
  cache.add_twin(BlockId{0}, BlockId{1}, kStep);
  cache.add_twin(BlockId{0}, BlockId{2}, kStep);

  cache.drop_twin(BlockId{1});
  cache.audit();

  CHECK(cache.find(kNothing, Tokens{5}) == BlockId{0});
  CHECK(cache.has_twins(BlockId{0}));
  CHECK_THROWS_AS(cache.drop_twin(BlockId{0}), InvariantViolation);
  CHECK_THROWS_AS(cache.add_twin(BlockId{1}, BlockId{2}, kStep), InvariantViolation);
}

TEST_CASE("of the blocks that begin alike the one that goes on longest is found") {
  PrefixCache cache(4, 8);
  insert(cache, 0, kNothing, {1, 2, 3, 4, 0, 0, 0, 0});
  insert(cache, 1, kNothing, {1, 2, 3, 4, 5, 6, 0, 0});
  insert(cache, 2, PrefixId{1}, {1, 2, 3, 4, 5, 6, 7, 8});
  insert(cache, 3, kNothing, {1, 2, 3, 0, 0, 0, 0, 0});

  const auto found = cache.longest_beginning(kNothing, Tokens{1, 2, 3, 4, 5, 6, 7, 8}, kLater);
  REQUIRE(found);
  CHECK(found->block == BlockId{1});
  CHECK(found->num_tokens == 6);
  CHECK(cache.longest_beginning(kNothing, Tokens{1, 2, 3}, kLater)->num_tokens == 3);
  CHECK(cache.longest_beginning(kNothing, Tokens{1, 2, 9}, kLater)->num_tokens == 2);
}

TEST_CASE("less than a quarter of a block is not worth a copy, nor is what is not there yet") {
  PrefixCache cache(1, 8);
  insert(cache, 0, kNothing, {1, 2, 3, 4, 5, 6, 7, 8});

  CHECK_FALSE(cache.longest_beginning(kNothing, Tokens{1, 9, 9}, kLater));
  CHECK_FALSE(cache.longest_beginning(kNothing, Tokens{1}, kLater));
  CHECK_FALSE(cache.longest_beginning(kNothing, Tokens{}, kLater));
  CHECK_FALSE(cache.longest_beginning(PrefixId{9}, Tokens{1, 2, 3}, kLater));
  CHECK_FALSE(cache.longest_beginning(kNothing, Tokens{1, 2, 3}, kStep));
  CHECK(cache.longest_beginning(kNothing, Tokens{1, 2, 3}, kLater));
  cache.erase(BlockId{0});
  CHECK_FALSE(cache.longest_beginning(kNothing, Tokens{1, 2, 3}, kLater));
}

TEST_CASE("what is found to begin alike does so, and is as long as any of few blocks offers") {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto draw = [&] {
      Tokens tokens(4);
      std::ranges::generate(tokens, [&] { return static_cast<TokenId>(random() % 2); });
      return tokens;
    };
    PrefixCache cache(6, 4);
    std::vector<Tokens> held(6);
    for (int operation = 0; operation < 60; ++operation) {
      const auto place = random() % 6;
      const BlockId block{static_cast<std::int32_t>(place)};
      const auto tokens = draw();
      if (cache.contains(block)) {
        cache.erase(block);
        held[place].clear();
      } else if (!cache.find(kNothing, tokens)) {
        insert(cache, block.value, kNothing, tokens);
        held[place] = tokens;
      }
      cache.audit();
      const auto wanted = draw();
      std::int32_t longest = 0;
      for (const auto& other : held) {
        const auto end = std::ranges::mismatch(other, wanted).in1;
        longest = std::max(longest, static_cast<std::int32_t>(end - other.begin()));
      }
      const auto found = cache.longest_beginning(kNothing, wanted, kLater);
      REQUIRE((found ? found->num_tokens : 0) == longest);
      if (found) {
        const auto& content = held[static_cast<std::size_t>(found->block.value)];
        REQUIRE(std::equal(wanted.begin(), wanted.begin() + longest, content.begin()));
      }
    }
  }
}

}  // namespace
}  // namespace troupe
