#include "kernels/decoder/block_moves.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

BackendDescription device() {
  BackendDescription description;
  description.num_blocks = 4;
  description.num_host_blocks = 2;
  return description;
}

TEST_CASE("a plan that moves something shows what, in order") {
  StepPlan plan;
  CHECK(moves_of(plan).empty());
  plan.swaps_out = {{BlockId{0}, 1}};
  plan.swaps_in = {{BlockId{2}, 0}};
  plan.copies = {{BlockId{2}, BlockId{3}}};

  const auto moves = moves_of(plan);

  CHECK_FALSE(moves.empty());
  CHECK(moves.out.size() == 1);
  CHECK(moves.in.size() == 1);
  CHECK(moves.copies.size() == 1);
  CHECK_NOTHROW(check_moves(moves, device()));
}

TEST_CASE("blocks and slots that do not exist are bugs") {
  for (const BlockId block : {BlockId{-1}, BlockId{4}}) {
    StepPlan plan;
    plan.swaps_in = {{block, 0}};
    CHECK_THROWS_AS(check_moves(moves_of(plan), device()), InvariantViolation);
    plan = {};
    plan.copies = {{block, BlockId{0}}};
    CHECK_THROWS_AS(check_moves(moves_of(plan), device()), InvariantViolation);
  }
  for (const auto slot : {-1, 2}) {
    StepPlan plan;
    plan.swaps_out = {{BlockId{0}, slot}};
    CHECK_THROWS_AS(check_moves(moves_of(plan), device()), InvariantViolation);
  }
}

TEST_CASE("what two moves would write, and what copies would read too late, are bugs") {
  StepPlan plan;
  plan.swaps_out = {{BlockId{0}, 1}, {BlockId{1}, 1}};
  CHECK_THROWS_AS(check_moves(moves_of(plan), device()), InvariantViolation);
  plan = {};
  plan.swaps_in = {{BlockId{0}, 1}};
  plan.copies = {{BlockId{1}, BlockId{0}}};
  CHECK_THROWS_AS(check_moves(moves_of(plan), device()), InvariantViolation);
  plan = {};
  plan.copies = {{BlockId{0}, BlockId{1}}, {BlockId{1}, BlockId{2}}};
  CHECK_THROWS_AS(check_moves(moves_of(plan), device()), InvariantViolation);
}

}  // namespace
}  // namespace troupe
