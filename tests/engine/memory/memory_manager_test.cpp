#include "engine/memory/memory_manager.h"

#include "engine/base/check.h"

#include "tests/engine/memory/memory_stage.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

namespace troupe {
namespace {

using namespace test;

TEST_CASE("an admission gets its seat, its blocks and its row in one plan") {
  MemoryStage stage(4);
  auto proposal = stage.next();
  proposal.candidates = {admission(7, 3, counting(6))};

  const auto settled = stage.settle(proposal);

  REQUIRE(settled.plan);
  CHECK(settled.plan->ring == kStageRing);
  CHECK(settled.plan->step == proposal.step);
  REQUIRE(settled.plan->seats_taken.size() == 1);
  CHECK(settled.plan->seats_taken[0].seat == 3);
  CHECK(settled.plan->seats_taken[0].start == proposal.candidates[0].admission);
  REQUIRE(settled.plan->table_growth.size() == 1);
  CHECK(settled.plan->table_growth[0].blocks.size() == 2);
  REQUIRE(settled.plan->rows.size() == 1);
  CHECK(settled.plan->rows[0].samples);
  CHECK(settled.plan->num_tokens() == 6);
  CHECK(settled.granted.num_free_blocks == 2);
}

TEST_CASE("a plan carries only what a table grew by") {
  MemoryStage stage(4);
  seat(stage, 1, 0, 3);

  auto within = stage.next();
  within.candidates = {running(1, 0, 3, 4)};
  const auto same_block = stage.settle(within);
  auto across = stage.next();
  across.candidates = {running(1, 0, 4, 5)};
  const auto new_block = stage.settle(across);

  CHECK(same_block.plan->table_growth.empty());
  CHECK(same_block.plan->seats_taken.empty());
  REQUIRE(new_block.plan->table_growth.size() == 1);
  CHECK(new_block.plan->table_growth[0].blocks.size() == 1);
}

TEST_CASE("a proposal without candidates brings blocks home and sends no plan") {
  MemoryStage stage(2);
  seat(stage, 1, 0, 8);
  auto proposal = stage.next();
  proposal.releases = {SequenceId{1}};

  const auto settled = stage.settle(proposal);

  CHECK_FALSE(settled.plan);
  CHECK_FALSE(settled.granted.plan_sent);
  CHECK(settled.granted.num_free_blocks == 2);
  CHECK(settled.granted.num_cached_blocks == 2);
}

TEST_CASE("a block released by a proposal is given away in the same plan") {
  MemoryStage stage(2, Caching::off);
  seat(stage, 1, 0, 8);
  auto proposal = stage.next();
  proposal.releases = {SequenceId{1}};
  proposal.candidates = {admission(2, 0, counting(8))};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.rows.size() == 1);
  CHECK(stage.memory.num_free_blocks() == 0);
}

TEST_CASE("a cached prefix is found token by token, and one is always left to compute") {
  MemoryStage stage(8);
  seat(stage, 1, 0, 8);
  const auto admit = [&](std::uint64_t number, std::vector<TokenId> tokens) {
    auto proposal = stage.next();
    proposal.candidates = {admission(number, static_cast<std::int32_t>(number), tokens)};
    return stage.settle(proposal).granted.rows.at(0).begin;
  };

  CHECK(admit(2, counting(8, 1000)) == 7);
  CHECK(admit(3, counting(9, 1000)) == 8);
  CHECK(admit(4, counting(3, 1000)) == 2);
  auto other = counting(8, 1000);
  other[5] = 1;
  CHECK(admit(5, other) == 5);
  other[0] = 1;
  CHECK(admit(6, other) == 0);
  CHECK(stage.memory.statistics().num_hit_tokens == 22);
  CHECK(stage.memory.statistics().num_copied_tokens == 3 + 2 + 1);
  CHECK(stage.memory.statistics().num_queried_tokens == 8 + 8 + 9 + 3 + 8 + 8);
}

TEST_CASE("a block is hit by later plans and not by the plan that writes it") {
  MemoryStage stage(nobody_waits(8));
  auto together = stage.next();
  together.candidates = {admission(1, 0, counting(6)), admission(2, 1, counting(6))};
  const auto first = stage.settle(together);
  auto later = stage.next();
  later.candidates = {admission(3, 2, counting(6))};
  const auto second = stage.settle(later);

  CHECK(first.granted.rows.at(1).begin == 0);
  CHECK(second.granted.rows.at(0).begin == 4);
  CHECK(second.plan->table_growth.at(0).blocks.at(0) ==
        first.plan->table_growth.at(0).blocks.at(0));
}

TEST_CASE("a block filled by decoding is cached as soon as its last token is known") {
  MemoryStage stage(8);
  seat(stage, 1, 0, 3);  // tokens 1000, 1001, 1002
  auto decode = stage.next();
  decode.candidates = {running(1, 0, 3, 4)};
  static_cast<void>(stage.settle(decode));
  const auto admit = [&](std::uint64_t number, std::vector<KnownToken> known) {
    auto proposal = stage.next();
    proposal.known = std::move(known);
    proposal.candidates = {
        admission(number, static_cast<std::int32_t>(number), {1000, 1001, 1002, 55, 56})};
    return stage.settle(proposal).granted.rows.at(0).begin;
  };

  CHECK(admit(2, {}) == 0);
  MemoryStage fresh(8);
  std::swap(stage, fresh);
  seat(stage, 1, 0, 3);
  auto again = stage.next();
  again.candidates = {running(1, 0, 3, 4)};
  static_cast<void>(stage.settle(again));
  CHECK(admit(2, {KnownToken{SequenceId{1}, 55}}) == 4);
}

TEST_CASE("what a sequence computed stays cached when it is released with its last token") {
  MemoryStage stage(4);
  seat(stage, 1, 0, 3);
  auto decode = stage.next();
  decode.candidates = {running(1, 0, 3, 4)};
  static_cast<void>(stage.settle(decode));
  auto release = stage.next();
  release.known = {KnownToken{SequenceId{1}, 55}};
  release.releases = {SequenceId{1}};

  CHECK(stage.settle(release).granted.num_cached_blocks == 1);
}

TEST_CASE("of two that computed the same the one who stays keeps its prefix found") {
  MemoryStage stage(nobody_waits(4));
  auto twins = stage.next();
  twins.candidates = {admission(1, 0, counting(4)), admission(2, 1, counting(4))};
  static_cast<void>(stage.settle(twins));  // the first one's block bears the name
  auto leave = stage.next();
  leave.releases = {SequenceId{1}};
  CHECK(stage.settle(leave).granted.num_cached_blocks == 0);  // nobody needs it twice
  auto on = stage.next();
  on.candidates = {running(2, 1, 4, 8)};
  on.known = {{SequenceId{2}, 7}, {SequenceId{2}, 8}, {SequenceId{2}, 9}, {SequenceId{2}, 10}};
  static_cast<void>(stage.settle(on));
  auto release = stage.next();
  release.releases = {SequenceId{2}};
  CHECK(stage.settle(release).granted.num_cached_blocks == 2);
  auto again = stage.next();
  again.candidates = {admission(3, 0, {100, 101, 102, 103, 7, 8, 9, 10, 11})};

  CHECK(stage.settle(again).granted.rows.at(0).begin == 8);
}

TEST_CASE("without prefix caching nothing is kept and nothing is found") {
  MemoryStage stage(8, Caching::off);
  seat(stage, 1, 0, 8);
  auto proposal = stage.next();
  proposal.releases = {SequenceId{1}};
  proposal.candidates = {admission(2, 1, counting(8, 1000))};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.rows.at(0).begin == 0);
  CHECK(settled.granted.num_cached_blocks == 0);
}

TEST_CASE("cached blocks are evicted before anybody is sacrificed, the leaves first") {
  MemoryStage stage(4);
  seat(stage, 1, 0, 12);
  auto release = stage.next();
  release.releases = {SequenceId{1}};
  CHECK(stage.settle(release).granted.num_cached_blocks == 3);
  seat(stage, 2, 0, 8);  // one blank block and one evicted

  CHECK(stage.memory.statistics().num_evicted_blocks == 1);
  CHECK(stage.memory.statistics().num_preemptions == 0);
  auto proposal = stage.next();
  proposal.releases = {SequenceId{2}};
  proposal.candidates = {admission(3, 1, counting(12, 1000))};
  CHECK(stage.settle(proposal).granted.rows.at(0).begin == 8);
}

TEST_CASE("when blocks run out, victims give way in the given order") {
  MemoryStage stage(3);
  seat(stage, 1, 0, 4);
  seat(stage, 2, 1, 4);
  seat(stage, 3, 2, 4);
  auto proposal = stage.next();
  proposal.candidates = {running(1, 0, 4, 5)};
  proposal.victims = {SequenceId{3}, SequenceId{2}};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.preempted == Ids{SequenceId{3}});
  CHECK(settled.granted.rows.size() == 1);
  CHECK(stage.memory.statistics().num_preemptions == 1);
}

TEST_CASE("a candidate may sacrifice only those behind it, and their rows leave the plan") {
  MemoryStage stage(2);
  seat(stage, 1, 0, 4);
  seat(stage, 2, 1, 4);
  auto proposal = stage.next();
  proposal.candidates = {running(1, 0, 4, 5), running(2, 1, 4, 5)};
  proposal.victims = {SequenceId{2}, SequenceId{1}};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.preempted == Ids{SequenceId{2}});
  REQUIRE(settled.granted.rows.size() == 1);
  CHECK(settled.granted.rows[0].sequence == SequenceId{1});
  CHECK(settled.granted.deferred.empty());
}

TEST_CASE("a candidate never sacrifices itself or one before it") {
  MemoryStage stage(2);
  seat(stage, 1, 0, 4);
  seat(stage, 2, 1, 3);
  auto proposal = stage.next();
  proposal.candidates = {running(2, 1, 3, 4), running(1, 0, 4, 5)};
  proposal.victims = {SequenceId{2}, SequenceId{1}};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.preempted.empty());
  CHECK(settled.granted.deferred == Ids{SequenceId{1}});
  CHECK(settled.granted.rows.size() == 1);
}

TEST_CASE("nobody is sacrificed for one that would not fit even then") {
  MemoryStage stage(4);
  seat(stage, 1, 0, 4);
  seat(stage, 2, 1, 4);
  auto proposal = stage.next();
  proposal.candidates = {admission(3, 2, counting(16))};
  proposal.victims = {SequenceId{2}};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.preempted.empty());
  CHECK(settled.granted.deferred == Ids{SequenceId{3}});
  CHECK_FALSE(settled.plan);
  CHECK(stage.memory.num_free_blocks() == 2);
}

TEST_CASE("one that is deferred takes nothing, not even its cached prefix") {
  MemoryStage stage(4);
  seat(stage, 1, 0, 8);
  auto release = stage.next();
  release.releases = {SequenceId{1}};
  static_cast<void>(stage.settle(release));
  seat(stage, 2, 0, 4);
  auto proposal = stage.next();
  proposal.candidates = {admission(3, 1, counting(20, 1000))};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.deferred == Ids{SequenceId{3}});
  CHECK(settled.granted.num_free_blocks == 3);
  CHECK(settled.granted.num_cached_blocks == 2);
}

TEST_CASE("a smaller candidate is granted behind a greater one that is deferred") {
  MemoryStage stage(2);
  auto proposal = stage.next();
  proposal.candidates = {admission(1, 0, counting(12)), admission(2, 1, counting(8, 500))};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.deferred == Ids{SequenceId{1}});
  CHECK(settled.granted.rows.at(0).sequence == SequenceId{2});
}

TEST_CASE("a sacrificed sequence finds its own blocks again when nobody took them") {
  MemoryStage stage(4);
  seat(stage, 1, 0, 4);
  seat(stage, 2, 1, 12);
  auto proposal = stage.next();
  proposal.candidates = {running(1, 0, 4, 5)};
  proposal.victims = {SequenceId{2}};
  CHECK(stage.settle(proposal).granted.preempted.size() == 1);
  auto again = stage.next();
  again.releases = {SequenceId{1}};
  again.candidates = {admission(3, 1, counting(12, 2000))};

  CHECK(stage.settle(again).granted.rows.at(0).begin == 8);
}

TEST_CASE("an admission leaves the headroom free, one that runs may use it") {
  MemoryStage stage(3);
  seat(stage, 1, 0, 4);
  auto proposal = stage.next();
  proposal.num_headroom_blocks = 1;
  proposal.candidates = {running(1, 0, 4, 5), admission(2, 1, counting(4))};

  CHECK(stage.settle(proposal).granted.deferred == Ids{SequenceId{2}});
  auto later = stage.next();
  later.candidates = {admission(2, 1, counting(4))};
  CHECK(stage.settle(later).granted.deferred.empty());
}

TEST_CASE("a reserve is held from the first row on") {
  MemoryStage stage(4);
  auto proposal = stage.next();
  proposal.candidates = {admission(1, 0, counting(4))};
  proposal.candidates[0].reserve = 13;

  CHECK(stage.settle(proposal).granted.num_free_blocks == 0);
  auto decode = stage.next();
  decode.candidates = {running(1, 0, 4, 5)};
  CHECK(stage.settle(decode).plan->table_growth.empty());
}

TEST_CASE("what a cached prefix saves of the budget goes to the next admission") {
  MemoryStage stage(16);
  seat(stage, 1, 0, 8);
  auto proposal = stage.next();
  proposal.max_admission_tokens = 9;
  proposal.candidates = {admission(2, 1, counting(9, 1000)), admission(3, 2, counting(20, 500)),
                         admission(4, 3, counting(4, 700))};

  const auto settled = stage.settle(proposal);

  REQUIRE(settled.granted.rows.size() == 2);
  CHECK(settled.granted.rows[0].begin == 8);
  CHECK(settled.granted.rows[1].end == 8);
  CHECK_FALSE(settled.granted.rows[1].samples);
  CHECK(settled.granted.deferred.empty());
}

TEST_CASE("a proposal of another ring, an old step or an unknown sequence is a bug") {
  MemoryStage stage(4);
  seat(stage, 1, 0, 4);
  auto foreign = stage.next();
  foreign.ring = RingNumber{2};
  CHECK_THROWS_AS(static_cast<void>(stage.memory.settle(foreign)), InvariantViolation);
  auto old = stage.next();
  old.step = StepNumber{1};
  CHECK_THROWS_AS(static_cast<void>(stage.memory.settle(old)), InvariantViolation);
  auto unknown = stage.next();
  unknown.releases = {SequenceId{9}};
  CHECK_THROWS_AS(static_cast<void>(stage.memory.settle(unknown)), InvariantViolation);
  auto astray = stage.next();
  astray.candidates = {running(1, 0, 5, 6)};
  CHECK_THROWS_AS(static_cast<void>(stage.memory.settle(astray)), InvariantViolation);
  auto taken = stage.next();
  taken.candidates = {admission(2, 0, counting(4))};
  CHECK_THROWS_AS(static_cast<void>(stage.memory.settle(taken)), InvariantViolation);
}

}  // namespace
}  // namespace troupe
