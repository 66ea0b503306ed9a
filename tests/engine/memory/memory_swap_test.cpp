// What becomes of blocks that a preempted sequence leaves behind: kept on the device while nobody
// needs them, moved to the host, and back.
#include "engine/memory/memory_manager.h"

#include "tests/engine/memory/memory_stage.h"

#include <doctest/doctest.h>

#include <vector>

namespace troupe {
namespace {

using namespace test;

StepGranted preempt(MemoryStage& stage, std::uint64_t number, const Candidate& for_whom) {
  auto proposal = stage.next();
  proposal.candidates = {for_whom};
  proposal.victims = {SequenceId{number}};
  const auto granted = stage.settle(proposal).granted;
  REQUIRE(granted.preempted == Ids{SequenceId{number}});
  return granted;
}

TEST_CASE("blocks left behind move to the host when they are needed, and back at re-admission") {
  MemoryStage stage(swapping(4, 4));
  seat(stage, 1, 0, 13);
  auto proposal = stage.next();
  proposal.candidates = {admission(2, 1, counting(16, 500))};
  proposal.victims = {SequenceId{1}};
  const auto out = stage.settle(proposal);
  CHECK(out.granted.preempted == Ids{SequenceId{1}});
  CHECK(out.plan->swaps_out.size() == 3);
  release(stage, 2);
  auto again = stage.next();
  again.candidates = {admission(3, 0, counting(13, 1000))};

  const auto in = stage.settle(again);

  CHECK(in.granted.rows.at(0).begin == 12);
  CHECK(in.plan->swaps_in.size() == 3);
  CHECK(in.plan->swaps_out.empty());  // whoever ended left nothing that anybody waits for
  CHECK(stage.memory.statistics().num_restored_tokens == 12);
  CHECK(stage.memory.statistics().num_swapped_out_blocks == 3);
  CHECK(stage.memory.statistics().num_swapped_in_blocks == 3);
}

TEST_CASE("blocks that nobody took are found on the device, and nothing moves") {
  MemoryStage stage(swapping(6, 6));
  seat(stage, 1, 0, 13);
  preempt(stage, 1, admission(2, 1, counting(12, 500)));
  auto again = stage.next();
  again.releases = {SequenceId{2}};
  again.candidates = {admission(3, 0, counting(13, 1000))};

  const auto settled = stage.settle(again);

  CHECK(settled.granted.rows.at(0).begin == 12);
  CHECK(stage.memory.statistics().num_swapped_in_blocks ==
        stage.memory.statistics().num_swapped_out_blocks);
}

TEST_CASE("only the end of a chain moves when only that is needed") {
  MemoryStage stage(swapping(4, 4));
  seat(stage, 1, 0, 13);
  auto proposal = stage.next();
  proposal.candidates = {admission(2, 1, counting(8, 500))};
  proposal.victims = {SequenceId{1}};
  CHECK(stage.settle(proposal).plan->swaps_out.size() == 1);
  release(stage, 2);
  auto again = stage.next();
  again.candidates = {admission(3, 0, counting(13, 1000))};

  const auto settled = stage.settle(again);

  CHECK(settled.granted.rows.at(0).begin == 12);
  CHECK(settled.plan->swaps_in.size() == 1);
}

TEST_CASE("what came back from the host and is evicted again needs no second way out") {
  MemoryStage stage(swapping(4, 4));
  seat(stage, 1, 0, 13);
  preempt(stage, 1, admission(2, 1, counting(16, 500)));
  release(stage, 2);
  auto again = stage.next();
  again.candidates = {admission(3, 0, counting(13, 1000))};
  static_cast<void>(stage.settle(again));
  preempt(stage, 3, admission(4, 1, counting(16, 700)));

  CHECK(stage.memory.statistics().num_swapped_out_blocks == 3);
  release(stage, 4);
  auto third = stage.next();
  third.candidates = {admission(5, 0, counting(13, 1000))};
  CHECK(stage.settle(third).granted.rows.at(0).begin == 12);
}

TEST_CASE("a host tier that is too small keeps the beginning of a chain") {
  MemoryStage stage(swapping(4, 2));
  seat(stage, 1, 0, 16);
  auto proposal = stage.next();
  proposal.candidates = {admission(2, 1, counting(16, 500))};
  proposal.victims = {SequenceId{1}};
  CHECK(stage.settle(proposal).plan->swaps_out.size() == 2);
  release(stage, 2);
  auto again = stage.next();
  again.candidates = {admission(3, 0, counting(16, 1000))};

  CHECK(stage.settle(again).granted.rows.at(0).begin == 8);
}

TEST_CASE("what is cheaper to compute does not move, and neither does what somebody ended with") {
  auto config = swapping(4, 4);
  config.preemption = PreemptionMode::recompute;
  MemoryStage stage(config);
  seat(stage, 1, 0, 13);
  preempt(stage, 1, admission(2, 1, counting(16, 500)));
  CHECK(stage.memory.statistics().num_swapped_out_blocks == 0);

  MemoryStage other(swapping(4, 4));
  seat(other, 1, 0, 13);
  release(other, 1);
  seat(other, 2, 0, 16);
  CHECK(other.memory.statistics().num_evicted_blocks == 3);
  CHECK(other.memory.statistics().num_swapped_out_blocks == 0);
}

TEST_CASE("salts are kept apart on the host too") {
  MemoryStage stage(swapping(4, 4));
  auto entry = stage.next();
  entry.candidates = {admission(1, 0, counting(13), "alice")};
  static_cast<void>(stage.settle(entry));
  preempt(stage, 1, admission(2, 1, counting(16, 500), "bob"));
  const auto begin_under = [&](std::uint64_t number, const std::string& salt) {
    auto proposal = stage.next();
    proposal.releases = {SequenceId{number - 1}};
    proposal.candidates = {admission(number, 0, counting(13), salt)};
    return stage.settle(proposal).granted.rows.at(0).begin;
  };

  CHECK(begin_under(3, "bob") == 0);
  CHECK(begin_under(4, "") == 0);
  CHECK(begin_under(5, "alice") == 12);
}

TEST_CASE("what a plan evicts to the host may come back within the same plan") {
  MemoryStage stage(swapping(8, 8));
  seat(stage, 1, 0, 13);
  seat(stage, 2, 1, 13);
  auto proposal = stage.next();
  proposal.releases = {SequenceId{2}};
  proposal.candidates = {admission(3, 1, counting(24, 500)), admission(4, 0, counting(5, 1000))};
  proposal.victims = {SequenceId{1}};

  const auto settled = stage.settle(proposal);

  CHECK(settled.granted.preempted == Ids{SequenceId{1}});
  REQUIRE(settled.granted.rows.size() == 2);
  CHECK(settled.granted.rows[1].begin == 4);
}

}  // namespace
}  // namespace troupe
