// An admission may take the seat of a running sequence: whole or not at all.
#include "engine/base/check.h"
#include "engine/memory/memory_manager.h"

#include "tests/engine/memory/memory_stage.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace troupe {
namespace {

using namespace test;

Candidate displacing(std::uint64_t number,
                     std::int32_t seat,
                     std::vector<TokenId> tokens,
                     std::uint64_t displaced) {
  auto candidate = admission(number, seat, std::move(tokens));
  candidate.displaces = SequenceId{displaced};
  return candidate;
}

TEST_CASE("an entrant takes the seat of a running sequence, which is preempted, and told once") {
  MemoryStage stage(8);
  seat(stage, 1, 0, 8);
  auto proposal = stage.next();
  proposal.candidates = {displacing(2, 0, counting(4), 1), running(1, 0, 8, 9)};
  proposal.victims = {SequenceId{1}};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.preempted == Ids{SequenceId{1}});
  REQUIRE(settled.granted.rows.size() == 1);
  CHECK(settled.granted.rows[0].sequence == SequenceId{2});
  CHECK(settled.granted.deferred.empty());
  CHECK(stage.memory.statistics().num_preemptions == 1);
}

TEST_CASE("an entrant may count on the blocks of the one it displaces, though he is no victim") {
  MemoryStage stage(3);
  seat(stage, 1, 0, 12);
  auto proposal = stage.next();
  proposal.candidates = {displacing(2, 0, counting(12), 1)};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.preempted == Ids{SequenceId{1}});
  CHECK(settled.granted.rows.size() == 1);
  CHECK(settled.granted.num_free_blocks == 0);
}

TEST_CASE("when the entrant does not fit even so, the other keeps his seat and his turn") {
  MemoryStage stage(4);
  seat(stage, 1, 0, 8);
  seat(stage, 2, 1, 7);
  auto proposal = stage.next();
  proposal.candidates = {displacing(3, 1, counting(13), 2), running(2, 1, 7, 8)};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.deferred == Ids{SequenceId{3}});
  CHECK(settled.granted.preempted.empty());
  REQUIRE(settled.granted.rows.size() == 1);
  CHECK(settled.granted.rows[0].sequence == SequenceId{2});
}

TEST_CASE("beyond the displaced one only as many give way as are needed") {
  MemoryStage stage(6);
  seat(stage, 1, 0, 8);
  seat(stage, 2, 1, 8);
  seat(stage, 3, 2, 8);
  auto proposal = stage.next();
  proposal.candidates = {displacing(4, 1, counting(16), 2)};
  proposal.victims = {SequenceId{3}, SequenceId{2}, SequenceId{1}};

  CHECK(stage.settle(proposal).granted.preempted == Ids{SequenceId{2}, SequenceId{3}});
}

TEST_CASE("a seat whose holder was sacrificed already is simply free") {
  MemoryStage stage(4);
  seat(stage, 1, 0, 8);
  seat(stage, 2, 1, 8);
  auto proposal = stage.next();
  proposal.candidates = {running(1, 0, 8, 9), displacing(3, 1, counting(4), 2)};
  proposal.victims = {SequenceId{2}};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.preempted == Ids{SequenceId{2}});
  CHECK(settled.granted.rows.size() == 2);
}

TEST_CASE("what the entrant shares with the one it displaces is no room for it") {
  MemoryStage stage(3);
  seat(stage, 1, 0, 8);  // tokens 1000, 1001, …
  auto proposal = stage.next();
  auto tokens = counting(4, 1000);
  const auto rest = counting(8, 500);
  tokens.insert(tokens.end(), rest.begin(), rest.end());
  proposal.candidates = {displacing(2, 0, tokens, 1)};

  const auto settled = stage.settle(proposal);

  REQUIRE(settled.granted.rows.size() == 1);
  CHECK(settled.granted.rows[0].begin == 4);
  CHECK(settled.granted.num_free_blocks == 0);
}

TEST_CASE("an entrant that waits for a prefix, or finds no tokens left, displaces nobody") {
  MemoryStage stage(16);
  seat(stage, 1, 0, 4);
  auto waiting = stage.next();
  waiting.candidates = {admission(2, 1, counting(9)), displacing(3, 0, counting(9), 1)};
  const auto first = stage.settle(waiting).granted;
  auto without = stage.next();
  without.max_admission_tokens = 0;
  without.candidates = {displacing(4, 0, counting(4, 500), 1)};
  const auto second = stage.settle(without).granted;

  CHECK(first.awaiting == Ids{SequenceId{3}});
  CHECK(first.preempted.empty());
  CHECK(second.preempted.empty());
}

TEST_CASE("displacing from another seat, or one that was served already, is a bug") {
  MemoryStage stage(8);
  seat(stage, 1, 0, 4);
  auto elsewhere = stage.next();
  elsewhere.candidates = {displacing(2, 1, counting(4), 1)};
  CHECK_THROWS_AS(static_cast<void>(stage.memory.settle(elsewhere)), InvariantViolation);
  MemoryStage other(8);
  seat(other, 1, 0, 4);
  auto served = other.next();
  served.candidates = {running(1, 0, 4, 5), displacing(2, 0, counting(4), 1)};
  CHECK_THROWS_AS(static_cast<void>(other.memory.settle(served)), InvariantViolation);
}

}  // namespace
}  // namespace troupe
