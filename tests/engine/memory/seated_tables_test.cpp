#include "engine/memory/seated_tables.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

std::shared_ptr<const SequenceStart> start_of(std::uint64_t number) {
  auto start = std::make_shared<SequenceStart>();
  start->sequence = SequenceId{number};
  start->tokens = {1};
  return start;
}

TEST_CASE("a seated sequence is found by its name, and by its seat while it sits there") {
  SeatedTables tables;
  auto& table = tables.take(3, start_of(7));

  CHECK(tables.find(SequenceId{7}) == &table);
  CHECK(tables.find(SequenceId{7}, 3) == &table);
  CHECK(tables.find(SequenceId{7}, 2) == nullptr);
  CHECK(tables.find(SequenceId{8}, 3) == nullptr);
  CHECK(tables.find(SequenceId{7}, -1) == nullptr);
  CHECK(tables.num_seated() == 1);
  tables.vacate(table);

  CHECK(tables.find(SequenceId{7}) == nullptr);
  CHECK(tables.num_seated() == 0);
  CHECK_THROWS_AS(static_cast<void>(tables.at(SequenceId{7})), InvariantViolation);
}

TEST_CASE("a seat that is taken, a second seat and a seat before the first are bugs") {
  SeatedTables tables;
  tables.take(0, start_of(1));

  CHECK_THROWS_AS(tables.take(0, start_of(2)), InvariantViolation);
  CHECK_THROWS_AS(tables.take(1, start_of(1)), InvariantViolation);
  CHECK_THROWS_AS(tables.take(-1, start_of(3)), InvariantViolation);
}

}  // namespace
}  // namespace troupe
