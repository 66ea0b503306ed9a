#include "engine/scheduling/waiting_queue.h"

#include "engine/base/check.h"

#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

#include <vector>

namespace troupe {
namespace {

using test::counting;
using test::make_request;

Sequence arriving(std::uint64_t number, std::int64_t arrival) {
  auto request = make_request(number, counting(2), 3);
  request.arrival = TimePoint(Duration(arrival));
  return Sequence(request, 5);
}

TEST_CASE("the queue is ordered by arrival, and by request where arrivals are equal") {
  auto late = arriving(1, 20);
  auto second = arriving(3, 10);
  auto first = arriving(2, 10);
  WaitingQueue queue;
  queue.insert(late);
  queue.insert(second);
  queue.insert(first);

  const std::vector<Sequence*> order(queue.begin(), queue.end());

  CHECK(order == std::vector{&first, &second, &late});
}

TEST_CASE("a preempted sequence comes back to the place of its arrival and is not counted as new") {
  auto early = arriving(1, 10);
  auto late = arriving(2, 20);
  WaitingQueue queue;
  queue.insert(late);
  early.admit(0);
  early.preempt();
  queue.insert(early);

  CHECK(*queue.begin() == &early);
  CHECK(queue.size() == 2);
  CHECK(queue.num_new() == 1);
  queue.erase(early);
  CHECK(queue.num_new() == 1);
  queue.erase(late);
  CHECK(queue.empty());
}

TEST_CASE("waiting twice, or leaving without having waited, is a bug") {
  auto sequence = arriving(1, 10);
  WaitingQueue queue;

  CHECK_THROWS_AS(queue.erase(sequence), InvariantViolation);
  queue.insert(sequence);
  CHECK_THROWS_AS(queue.insert(sequence), InvariantViolation);
}

}  // namespace
}  // namespace troupe
