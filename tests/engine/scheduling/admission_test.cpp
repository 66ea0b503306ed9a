#include "engine/scheduling/admission.h"

#include "engine/scheduling/limits.h"

#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

namespace troupe {
namespace {

using test::counting;
using test::make_request;

/// A queue of requests of ten tokens each, by arrival.
struct Queue {
  std::vector<std::unique_ptr<Sequence>> sequences;
  WaitingQueue waiting;
  AdmissionTerms terms;
  std::vector<Sequence*> chosen;

  explicit Queue(std::uint64_t count) {
    for (std::uint64_t number = 1; number <= count; ++number) {
      sequences.push_back(std::make_unique<Sequence>(make_request(number, counting(10), 5), 15));
      waiting.insert(*sequences.back());
    }
    terms.num_seats = 100;
    terms.budget = 1000;
  }

  Sequence& operator[](std::size_t index) { return *sequences[index]; }

  void hold_back(std::size_t index) { (*this)[index].deferred_at = terms.epochs.refused; }

  std::size_t choose() {
    choose_admissions(waiting, terms, chosen);
    return chosen.size();
  }
};

TEST_CASE("requests are admitted in the order of their arrival while seats are free") {
  Queue queue(5);
  queue.terms.num_seats = 3;

  CHECK(queue.choose() == 3);
  CHECK(queue.chosen == std::vector{&queue[0], &queue[1], &queue[2]});
  queue.terms.num_seats = 0;
  CHECK(queue.choose() == 0);
}

TEST_CASE("without a prefix cache the choice ends with the budget") {
  Queue queue(5);
  queue.terms.cached = AdmissionTerms::CachedTokens::none;
  queue.terms.budget = 25;

  CHECK(queue.choose() == 3);
  CHECK(queue[2].quota == 5);
  queue.terms.budget = 0;
  CHECK(queue.choose() == 0);
}

TEST_CASE("with a prefix cache more are proposed than the budget holds, and none without budget") {
  Queue queue(5);
  queue.terms.budget = 25;

  CHECK(queue.choose() == 5);
  queue.terms.budget = 0;
  CHECK(queue.choose() == 0);
}

TEST_CASE("a bounded number of later requests pass one that memory holds back") {
  Queue queue(100);
  queue.hold_back(0);

  CHECK(queue.choose() == static_cast<std::size_t>(kMaxPasses));
  CHECK(queue.chosen.front() == &queue[1]);
  count_passes(queue.waiting, queue.terms.epochs, {&queue[1], &queue[2]});
  CHECK(queue[0].num_passes == 2);
  CHECK(queue.choose() == static_cast<std::size_t>(kMaxPasses) - 2);
  queue[0].num_passes = kMaxPasses;
  CHECK(queue.choose() == 0);
}

TEST_CASE("one that was passed too often is the only one proposed when its turn comes") {
  Queue queue(10);
  queue[0].num_passes = kMaxPasses;

  CHECK(queue.choose() == 1);
  CHECK(queue.chosen == std::vector{&queue[0]});
}

TEST_CASE("only a bounded number of held-back requests is looked past") {
  Queue queue(static_cast<std::uint64_t>(kMaxHeldBack) + 2);
  for (std::int32_t index = 0; index < kMaxHeldBack; ++index) {
    queue.hold_back(static_cast<std::size_t>(index));
  }

  CHECK(queue.choose() == 2);
  queue.hold_back(static_cast<std::size_t>(kMaxHeldBack));
  CHECK(queue.choose() == 0);
}

TEST_CASE("a refusal by memory counts until blocks may have come home") {
  Queue queue(1);
  queue.hold_back(0);
  CHECK(queue.choose() == 0);

  ++queue.terms.epochs.refused;

  CHECK(queue.choose() == 1);
}

TEST_CASE("a preempted sequence waits until a running one has ended, and nobody passes it") {
  Queue queue(3);
  queue[0].preempted_at = queue.terms.epochs.released;
  queue.terms.num_running = 1;
  CHECK(queue.choose() == 0);

  SUBCASE("one ends") {
    ++queue.terms.epochs.released;
  }
  SUBCASE("nobody runs") {
    queue.terms.num_running = 0;
  }

  CHECK(queue.choose() == 3);
}

TEST_CASE("only later admissions count as passes, and only for those held back") {
  Queue queue(4);
  queue.hold_back(1);
  queue.hold_back(3);

  count_passes(queue.waiting, queue.terms.epochs, {&queue[0], &queue[2]});

  CHECK(queue[1].num_passes == 1);
  CHECK(queue[3].num_passes == 0);
  CHECK(queue[0].num_passes == 0);
}

}  // namespace
}  // namespace troupe
