#include "engine/scheduling/waiting_queue.h"

#include "engine/base/check.h"
#include "engine/scheduling/ranking.h"

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
  Sequence sequence(request, 5);
  Ranking(SchedulingConfig{}).rank_waiting(sequence);
  return sequence;
}

std::vector<Sequence*> order_of(const WaitingQueue& queue) {
  std::vector<Sequence*> order;
  WaitingQueue::Walk walk(queue);
  for (auto* sequence = walk.next(); sequence != nullptr; sequence = walk.next()) {
    order.push_back(sequence);
  }
  return order;
}

TEST_CASE("first come, first served: by arrival, and by request where arrivals are equal") {
  auto late = arriving(1, 20);
  auto second = arriving(3, 10);
  auto first = arriving(2, 10);
  WaitingQueue queue;
  queue.insert(late);
  queue.insert(second);
  queue.insert(first);

  CHECK(order_of(queue) == std::vector{&first, &second, &late});
  CHECK(queue.first() == &first);
}

TEST_CASE("a preempted sequence comes back to the place of its arrival and is not counted as new") {
  auto early = arriving(1, 10);
  auto late = arriving(2, 20);
  WaitingQueue queue;
  queue.insert(late);
  early.admit(0);
  early.preempt();
  queue.insert(early);

  CHECK(queue.first() == &early);
  CHECK(queue.size() == 2);
  CHECK(queue.num_new() == 1);
  queue.erase(early);
  CHECK(queue.num_new() == 1);
  queue.erase(late);
  CHECK(queue.empty());
}

TEST_CASE("the least served tenant is next, and pays for those of his that were seen") {
  // Two tokens each: a lane that was visited stands two further back.
  std::vector<Sequence> heavy;
  std::vector<Sequence> light;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    heavy.push_back(arriving(number, 1));
    light.push_back(arriving(number + 3, 2));
    light.back().tenant = 1;
  }
  WaitingQueue queue;
  for (std::size_t index = 0; index < 3; ++index) {
    queue.insert(heavy[index], 3);
    queue.insert(light[index], 0);
  }

  CHECK(order_of(queue) ==
        std::vector{&light[0], &light[1], &heavy[0], &light[2], &heavy[1], &heavy[2]});
  queue.move_lane(1, 100);
  CHECK(queue.first() == &heavy[0]);
  for (auto& sequence : heavy) {
    queue.erase(sequence);
  }
  CHECK(order_of(queue) == std::vector{&light[0], &light[1], &light[2]});
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
