// What admissions need not compute: shared blocks, copied beginnings, prefixes that another
// sequence is computing; and what salts keep apart.
#include "engine/base/check.h"
#include "engine/memory/memory_manager.h"

#include "tests/engine/memory/memory_stage.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace troupe {
namespace {

using namespace test;

/// 1, 2, … `count` with `behind` appended.
std::vector<TokenId> extended(std::int32_t count, const std::vector<TokenId>& behind) {
  auto tokens = counting(count);
  tokens.insert(tokens.end(), behind.begin(), behind.end());
  return tokens;
}

StepGranted admit(MemoryStage& stage, const Candidate& candidate) {
  auto proposal = stage.next();
  proposal.candidates = {candidate};
  return stage.settle(proposal).granted;
}

TEST_CASE("where whole blocks end, a block that begins alike is copied and written behind") {
  MemoryStage stage(8);
  admit(stage, admission(1, 0, extended(4, {1, 2, 3, 4})));
  auto proposal = stage.next();
  proposal.candidates = {admission(2, 1, extended(4, {1, 2, 9, 9}))};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.rows.at(0).begin == 6);
  REQUIRE(settled.plan->copies.size() == 1);
  CHECK(settled.plan->copies[0].to == settled.plan->table_growth.at(0).blocks.at(1));
  CHECK(stage.memory.statistics().num_copied_tokens == 2);
}

TEST_CASE("a prompt that is cached to its end computes one token, in a copy of its last block") {
  MemoryStage stage(4);
  admit(stage, admission(1, 0, counting(8)));
  release(stage, 1);
  auto proposal = stage.next();
  proposal.candidates = {admission(2, 0, counting(8))};

  const auto settled = stage.settle(proposal);

  CHECK(settled.plan->num_tokens() == 1);
  CHECK(settled.plan->copies.size() == 1);
  // The copy took over the name of its source, which nobody needs beside it.
  CHECK(settled.granted.num_cached_blocks == 0);
  CHECK(release(stage, 2).num_cached_blocks == 2);
}

TEST_CASE("a copy is not made where its source would have to give way") {
  MemoryStage stage(2);
  admit(stage, admission(1, 0, counting(8)));
  release(stage, 1);

  const auto granted = admit(stage, admission(2, 0, counting(8)));

  CHECK(granted.rows.at(0).begin == 4);
  CHECK(granted.num_free_blocks == 0);
  CHECK(stage.memory.statistics().num_copied_tokens == 0);
}

TEST_CASE("the source of a copy is not given away in the same plan") {
  MemoryStage stage(6);
  admit(stage, admission(1, 0, counting(8)));
  release(stage, 1);  // two idle blocks, four blank ones
  auto proposal = stage.next();
  proposal.candidates = {admission(2, 0, counting(8)), admission(3, 1, counting(12, 500)),
                         admission(4, 2, counting(4, 700))};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.rows.size() == 2);
  CHECK(settled.granted.num_free_blocks == 1);
  // It lacks nothing but the source, so it need not wait until somebody ends.
  CHECK(settled.granted.deferred.empty());
  CHECK(settled.granted.awaiting == Ids{SequenceId{4}});
  CHECK(admit(stage, admission(4, 2, counting(4, 700))).rows.size() == 1);
}

TEST_CASE("whoever would compute what another is computing waits one step, and finds it") {
  MemoryStage stage(16);
  auto together = stage.next();
  together.candidates = {admission(1, 0, extended(8, {1})), admission(2, 1, extended(8, {2, 3})),
                         admission(3, 2, counting(5, 900))};
  const auto first = stage.settle(together).granted;
  auto later = stage.next();
  later.candidates = {admission(2, 1, extended(8, {2, 3}))};
  const auto second = stage.settle(later).granted;

  CHECK(first.rows.size() == 2);
  CHECK(first.awaiting == Ids{SequenceId{2}});
  CHECK(first.deferred.empty());
  CHECK(second.rows.at(0).begin == 8);
  CHECK(stage.memory.statistics().num_awaited == 1);
}

TEST_CASE("what is promised by a prefill in chunks is waited for until it is there") {
  MemoryStage stage(16);
  auto entry = admission(1, 0, counting(20));
  entry.num_tokens = 6;
  CHECK(admit(stage, entry).rows.at(0).end == 4);
  const auto waiter = admission(2, 1, extended(16, {1, 2, 3, 4}));
  std::int32_t num_waits = 0;
  for (std::int32_t begin = 4; begin < 20; begin += 4) {
    auto proposal = stage.next();
    auto chunk = running(1, 0, begin, begin + 4);
    chunk.known = 20;
    proposal.candidates = {chunk, waiter};
    const auto granted = stage.settle(proposal).granted;
    num_waits += granted.awaiting.empty() ? 0 : 1;
    if (granted.awaiting.empty()) {
      CHECK(granted.rows.at(1).begin == 16);
    }
  }

  CHECK(num_waits == 3);
}

TEST_CASE("nobody waits for a sequence that is not granted, nor for one that has gone") {
  MemoryStage stage(16);
  auto entry = admission(1, 0, counting(20));
  entry.num_tokens = 4;
  admit(stage, entry);
  const auto waiter = admission(2, 1, extended(16, {1}));

  CHECK(admit(stage, waiter).rows.at(0).begin == 4);  // the first one pauses
  release(stage, 2);
  auto preemption = stage.next();
  auto chunk = running(1, 0, 4, 8);
  chunk.known = 20;
  preemption.candidates = {admission(3, 2, counting(64, 500)), chunk,
                           admission(4, 3, counting(20))};
  preemption.victims = {SequenceId{1}};
  const auto granted = stage.settle(preemption).granted;
  CHECK(granted.preempted == Ids{SequenceId{1}});
  CHECK(granted.awaiting.empty());
}

TEST_CASE("a little that is shared is not waited for") {
  MemoryStage stage(32);
  auto together = stage.next();
  together.candidates = {admission(1, 0, extended(4, counting(4, 500))),
                         admission(2, 1, extended(4, counting(40, 700)))};

  CHECK(stage.settle(together).granted.awaiting.empty());
}

TEST_CASE("whoever decodes promises nothing") {
  MemoryStage stage(8);
  admit(stage, admission(1, 0, counting(3)));
  auto proposal = stage.next();
  proposal.candidates = {running(1, 0, 3, 4), admission(2, 1, counting(5))};

  CHECK(stage.settle(proposal).granted.awaiting.empty());
}

TEST_CASE("waiting can be switched off") {
  MemoryStage stage(nobody_waits(16));
  auto together = stage.next();
  together.candidates = {admission(1, 0, counting(9)), admission(2, 1, counting(9))};

  CHECK(stage.settle(together).granted.rows.size() == 2);
}

TEST_CASE("under another salt nothing is found, copied or waited for") {
  MemoryStage stage(32);
  admit(stage, admission(1, 0, counting(9), "alice"));

  CHECK(admit(stage, admission(2, 1, counting(9), "bob")).rows.at(0).begin == 0);
  CHECK(admit(stage, admission(3, 2, counting(9))).rows.at(0).begin == 0);
  CHECK(admit(stage, admission(4, 3, counting(9), "alice")).rows.at(0).begin == 8);
  auto together = stage.next();
  together.candidates = {admission(5, 4, counting(9, 500), "alice"),
                         admission(6, 5, counting(9, 500), "bob")};
  CHECK(stage.settle(together).granted.awaiting.empty());
}

TEST_CASE("what a salt's last sequence left is found again while its blocks are cached") {
  MemoryStage stage(4);
  admit(stage, admission(1, 0, counting(9), "alice"));
  release(stage, 1);
  CHECK(admit(stage, admission(2, 0, counting(9), "alice")).rows.at(0).begin == 8);
  release(stage, 2);
  seat(stage, 3, 0, 16);  // evicts everything
  release(stage, 3);

  CHECK(admit(stage, admission(4, 0, counting(9), "alice")).rows.at(0).begin == 0);
}

// The oracle's own test: a manager with this bug would not get past it.
TEST_CASE("the naive bookkeeping notices a block that is shared across salts") {
  NaiveTables tables(4, kStageBlockSize);
  const auto play = [&](std::uint64_t step, const Candidate& candidate, std::int32_t begin) {
    StepProposal proposal;
    proposal.step = StepNumber{step};
    proposal.candidates = {candidate};
    StepGranted granted;
    granted.rows = {GrantedRow{candidate.sequence, begin, candidate.known, true}};
    granted.plan_sent = true;
    granted.num_free_blocks = step == 1 ? 2 : 1;
    StepPlan plan;
    plan.seats_taken = {SeatTaken{candidate.seat, candidate.admission}};
    plan.table_growth = {TableGrowth{candidate.seat, {BlockId{0}, BlockId{step == 1 ? 1 : 2}}}};
    plan.rows = {PlanRow{candidate.seat, begin, candidate.known, true}};
    tables.follow(proposal, granted, &plan);
  };
  play(1, admission(1, 0, counting(5), "alice"), 0);

  CHECK_THROWS_AS(play(2, admission(2, 1, counting(5), "bob"), 4), InvariantViolation);
  NaiveTables fresh(4, kStageBlockSize);
  std::swap(tables, fresh);
  play(1, admission(1, 0, counting(5), "alice"), 0);
  CHECK_NOTHROW(play(2, admission(2, 1, counting(5), "alice"), 4));
}

}  // namespace
}  // namespace troupe
