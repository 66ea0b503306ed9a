#include "engine/memory/block_table.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace troupe {
namespace {

std::shared_ptr<const SequenceStart> make_start(std::uint64_t number, std::vector<TokenId> tokens) {
  auto start = std::make_shared<SequenceStart>();
  start->sequence = SequenceId{number};
  start->tokens = std::move(tokens);
  return start;
}

TEST_CASE("a table finds known tokens in the start, behind it, and across the border") {
  BlockTable table;
  std::vector<TokenId> scratch;
  table.seat(make_start(1, {10, 11, 12}));
  table.generated = {13, 14, 15};

  const auto is = [&](std::int32_t begin, std::vector<TokenId> wanted) {
    const auto count = static_cast<std::int32_t>(wanted.size());
    return std::ranges::equal(table.tokens(begin, count, scratch), wanted);
  };

  CHECK(is(0, {10, 11, 12}));
  CHECK(is(3, {13, 14, 15}));
  CHECK(is(1, {11, 12, 13, 14}));
  CHECK(is(6, {}));
  CHECK_THROWS_AS(static_cast<void>(table.tokens(5, 2, scratch)), InvariantViolation);
}

TEST_CASE("a seat is taken only when it is empty") {
  BlockTable table;
  table.seat(make_start(1, {10}));

  CHECK_THROWS_AS(table.seat(make_start(2, {20})), InvariantViolation);
  table.vacate();
  table.seat(make_start(2, {20}));

  CHECK(table.sequence == SequenceId{2});
  CHECK(table.num_known() == 1);
}

}  // namespace
}  // namespace troupe
