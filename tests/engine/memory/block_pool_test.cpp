#include "engine/memory/block_pool.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <vector>

namespace troupe {
namespace {

TEST_CASE("a pool gives each of its blocks once and then none") {
  BlockPool pool(3);

  std::map<BlockId, int> taken;
  for (int count = 0; count < 3; ++count) {
    ++taken[pool.take_blank().value()];
  }

  CHECK(taken.size() == 3);
  CHECK(pool.num_free() == 0);
  CHECK_FALSE(pool.take_blank());
}

TEST_CASE("a pool without blocks has nothing to give") {
  BlockPool pool(0);

  CHECK(pool.num_total() == 0);
  CHECK_FALSE(pool.take_blank());
  CHECK_THROWS_AS(static_cast<void>(pool.take_oldest_idle()), InvariantViolation);
}

TEST_CASE("a shared block is free only when its last holder lets go") {
  BlockPool pool(1);
  const auto block = pool.take_blank().value();
  pool.share(block);

  pool.release(block, Content::worthless);
  CHECK(pool.num_free() == 0);
  pool.release(block, Content::worthless);

  CHECK(pool.num_free() == 1);
  CHECK(pool.num_idle() == 0);
}

TEST_CASE("the block that has been idle longest is given up first") {
  BlockPool pool(3);
  std::vector<BlockId> blocks{*pool.take_blank(), *pool.take_blank(), *pool.take_blank()};
  pool.release(blocks[1], Content::cached);
  pool.release(blocks[0], Content::cached);
  pool.release(blocks[2], Content::cached);
  pool.share(blocks[0]);

  CHECK(pool.take_oldest_idle() == blocks[1]);
  CHECK(pool.take_oldest_idle() == blocks[2]);
  CHECK(pool.num_free() == 0);
}

TEST_CASE("freeing twice, sharing what is blank and naming what does not exist are bugs") {
  BlockPool pool(2);
  const auto block = pool.take_blank().value();
  pool.release(block, Content::worthless);

  CHECK_THROWS_AS(pool.release(block, Content::worthless), InvariantViolation);
  CHECK_THROWS_AS(pool.share(block), InvariantViolation);
  CHECK_THROWS_AS(static_cast<void>(pool.references(BlockId{2})), InvariantViolation);
  CHECK_THROWS_AS(static_cast<void>(pool.references(BlockId{-1})), InvariantViolation);
  CHECK_THROWS_AS(BlockPool(-1), InvariantViolation);
}

TEST_CASE("whatever is done to a pool, blank, idle and held blocks add up to its size") {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    BlockPool pool(static_cast<std::int32_t>(random() % 12));
    std::vector<BlockId> held;  // one entry a reference
    std::map<BlockId, int> references;
    for (int operation = 0; operation < 200; ++operation) {
      const auto choice = random() % 4;
      if (choice == 0) {
        if (const auto block = pool.take_blank()) {
          held.push_back(*block);
          CHECK(references[*block]++ == 0);
        }
      } else if (choice == 1 && pool.num_idle() > 0) {
        held.push_back(pool.take_oldest_idle());
        CHECK(references[held.back()]++ == 0);
      } else if (choice == 2 && !held.empty()) {
        held.push_back(held[random() % held.size()]);
        pool.share(held.back());
        ++references[held.back()];
      } else if (!held.empty()) {
        pool.release(held.back(), random() % 2 == 0 ? Content::cached : Content::worthless);
        --references[held.back()];
        held.pop_back();
      }
      pool.audit();
      std::int32_t num_held = 0;
      for (const auto& [block, count] : references) {
        REQUIRE(pool.references(block) == count);
        num_held += count > 0 ? 1 : 0;
      }
      REQUIRE(pool.num_free() + num_held == pool.num_total());
    }
  }
}

}  // namespace
}  // namespace troupe
