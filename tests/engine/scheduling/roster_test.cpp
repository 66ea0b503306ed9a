#include "engine/scheduling/roster.h"

#include "engine/base/check.h"

#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

#include <memory>

namespace troupe {
namespace {

using test::counting;
using test::make_request;

Sequence& add(Roster& roster, std::uint64_t number) {
  return roster.add(std::make_unique<Sequence>(make_request(number, counting(2), 3), 5));
}

void seat(Roster& roster, Sequence& sequence) {
  roster.lend_seat(sequence);
  roster.admit(sequence, 0);
}

TEST_CASE("running sequences stand by arrival, whenever they were admitted") {
  Ranking ranking{SchedulingConfig{}};
  Roster roster(3, ranking);
  auto& first = add(roster, 1);
  auto& second = add(roster, 2);
  auto& third = add(roster, 3);
  seat(roster, third);
  seat(roster, first);
  seat(roster, second);

  CHECK(roster.running() == std::vector{&first, &second, &third});
  CHECK(roster.num_free_seats() == 0);
  CHECK(roster.waiting().empty());
}

TEST_CASE("a seat is free as soon as its holder ends or is preempted") {
  Ranking ranking{SchedulingConfig{}};
  Roster roster(2, ranking);
  auto& first = add(roster, 1);
  auto& second = add(roster, 2);
  seat(roster, first);
  seat(roster, second);

  roster.end(first);
  CHECK(roster.num_free_seats() == 1);
  roster.preempt(second);

  CHECK(roster.num_free_seats() == 2);
  CHECK(roster.find(RequestId{1}) == nullptr);
  CHECK(roster.waiting().first() == &second);
}

TEST_CASE("a sequence that a step still names outlives its end until the last pin is gone") {
  Ranking ranking{SchedulingConfig{}};
  Roster roster(1, ranking);
  auto& sequence = add(roster, 1);
  seat(roster, sequence);
  Roster::pin(sequence);
  Roster::pin(sequence);

  roster.end(sequence);
  roster.unpin(sequence);

  CHECK(sequence.state() == SequenceState::ended);
  CHECK(add(roster, 1).state() == SequenceState::waiting);
  roster.unpin(sequence);
}

TEST_CASE("a seat lent for an admission comes back when it is not granted") {
  Ranking ranking{SchedulingConfig{}};
  Roster roster(1, ranking);
  auto& sequence = add(roster, 1);
  roster.lend_seat(sequence);
  auto& other = add(roster, 2);

  CHECK_THROWS_AS(roster.lend_seat(other), InvariantViolation);
  roster.return_seat(sequence);

  CHECK(roster.num_free_seats() == 1);
  CHECK_THROWS_AS(roster.return_seat(sequence), InvariantViolation);
}

TEST_CASE("a request lives once") {
  Ranking ranking{SchedulingConfig{}};
  Roster roster(1, ranking);
  add(roster, 1);

  CHECK_THROWS_AS(add(roster, 1), InvariantViolation);
}

}  // namespace
}  // namespace troupe
