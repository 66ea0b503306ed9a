#include "engine/memory/sacrifice.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace troupe {
namespace {

/// Three victims over a pool of eight blocks without a free one.
struct Stage {
  BlockPool pool{8};
  BlockTable first;
  BlockTable second;
  BlockTable third;
  std::vector<BlockTable*> victims{&first, &second, &third};
  Sacrifice sacrifice{8};

  void hold(BlockTable& table, std::int32_t count) {
    for (; count > 0; --count) {
      table.blocks.push_back(pool.take_blank().value());
    }
  }

  void share(BlockTable& table, BlockId block) {
    pool.share(block);
    table.blocks.push_back(block);
  }

  std::vector<BlockTable*> choose(std::int32_t num_wanted, std::size_t num_doomed = 0) {
    const auto chosen = sacrifice.choose(victims, num_doomed, pool, num_wanted);
    return {chosen.begin(), chosen.end()};
  }
};

TEST_CASE("victims give way in the given order, and no more of them than needed") {
  Stage stage;
  stage.hold(stage.first, 1);
  stage.hold(stage.second, 1);
  stage.hold(stage.third, 6);

  CHECK(stage.choose(1) == std::vector{&stage.first});
  CHECK(stage.choose(2) == std::vector{&stage.first, &stage.second});
}

TEST_CASE("whoever was looked at but is not needed in the end is spared") {
  Stage stage;
  stage.hold(stage.first, 1);
  stage.hold(stage.second, 1);
  stage.hold(stage.third, 6);

  CHECK(stage.choose(6) == std::vector{&stage.third});
  CHECK(stage.choose(7) == std::vector{&stage.first, &stage.third});
}

TEST_CASE("nobody gives way when even all of them would not suffice") {
  Stage stage;
  stage.hold(stage.first, 2);
  stage.hold(stage.second, 2);

  CHECK(stage.pool.num_free() == 4);
  CHECK(stage.choose(9).empty());
  CHECK(stage.choose(8) == std::vector{&stage.first, &stage.second});
}

TEST_CASE("a shared block comes free only with its last holder") {
  Stage stage;
  stage.hold(stage.first, 2);
  stage.share(stage.second, stage.first.blocks[0]);
  stage.share(stage.second, stage.first.blocks[1]);
  BlockTable bystander;
  stage.hold(stage.third, 1);
  stage.share(bystander, stage.third.blocks[0]);
  stage.hold(bystander, 5);

  CHECK(stage.pool.num_free() == 0);
  CHECK(stage.choose(1) == std::vector{&stage.first, &stage.second});
  CHECK(stage.choose(3).empty());
}

TEST_CASE("asking for a sacrifice while enough is free is a bug") {
  Stage stage;

  CHECK_THROWS_AS(static_cast<void>(stage.choose(8)), InvariantViolation);
}

TEST_CASE("whoever is doomed goes in any case, and nobody goes when all would not suffice") {
  Stage stage;
  stage.hold(stage.first, 2);
  stage.hold(stage.second, 3);
  stage.hold(stage.third, 3);

  CHECK(stage.choose(0, 1) == std::vector{&stage.first});
  CHECK(stage.choose(2, 1) == std::vector{&stage.first});
  CHECK(stage.choose(3, 1) == std::vector{&stage.first, &stage.second});
  CHECK(stage.choose(6, 1) == std::vector{&stage.first, &stage.second, &stage.third});
  CHECK(stage.choose(9, 1).empty());
}

TEST_CASE("a choice suffices, and would not suffice without any one of the chosen") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Stage stage;
    for (auto* table : stage.victims) {
      stage.hold(*table, static_cast<std::int32_t>(random() % 3));
      for (const auto* other : stage.victims) {
        if (other != table && !other->blocks.empty() && random() % 2 == 0) {
          stage.share(*table, other->blocks.front());
        }
      }
    }
    const auto free_without = [&](const std::vector<BlockTable*>& gone) {
      auto free = stage.pool.num_free();
      for (std::int32_t block = 0; block < 8; ++block) {
        std::int32_t let_go = 0;
        for (const auto* table : gone) {
          let_go += static_cast<std::int32_t>(std::ranges::count(table->blocks, BlockId{block}));
        }
        free += let_go > 0 && let_go == stage.pool.references(BlockId{block}) ? 1 : 0;
      }
      return free;
    };
    for (auto wanted = stage.pool.num_free() + 1; wanted <= 8; ++wanted) {
      CAPTURE(wanted);
      const auto chosen = stage.choose(wanted);
      REQUIRE(chosen.empty() == (free_without(stage.victims) < wanted));
      REQUIRE((chosen.empty() || free_without(chosen) >= wanted));
      for (std::size_t spared = 0; spared < chosen.size(); ++spared) {
        auto rest = chosen;
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(spared));
        REQUIRE(free_without(rest) < wanted);
      }
    }
  }
}

}  // namespace
}  // namespace troupe
