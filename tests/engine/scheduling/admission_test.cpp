#include "engine/scheduling/admission.h"

#include "engine/scheduling/limits.h"
#include "engine/scheduling/ranking.h"

#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

#include <memory>
#include <utility>
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
  SchedulingConfig config;
  Admissions admissions;

  explicit Queue(std::uint64_t count, SchedulingPolicy policy = SchedulingPolicy::fcfs) {
    config.policy = policy;
    for (std::uint64_t number = 1; number <= count; ++number) {
      sequences.push_back(make(number, 0));
      waiting.insert(*sequences.back());
    }
    terms.policy = &policy_of(policy);
    terms.config = &config;
    terms.num_seats = 100;
    terms.budget = 1000;
  }

  [[nodiscard]] std::unique_ptr<Sequence> make(std::uint64_t number, std::int32_t priority) const {
    auto request = make_request(number, counting(10), 5);
    request.priority = priority;
    auto sequence = std::make_unique<Sequence>(std::move(request), 15);
    Ranking(config).rank_waiting(*sequence);
    return sequence;
  }

  Sequence& operator[](std::size_t index) { return *sequences[index]; }

  void hold_back(std::size_t index) { (*this)[index].deferred_at = terms.epochs.refused; }

  std::size_t choose() {
    choose_admissions(waiting, terms, admissions);
    return admissions.entrants.size();
  }

  [[nodiscard]] std::vector<Sequence*> chosen() const {
    std::vector<Sequence*> chosen;
    for (const auto& entrant : admissions.entrants) {
      chosen.push_back(entrant.sequence);
    }
    return chosen;
  }

  /// The entrants with these places were admitted.
  void admit(const std::vector<std::size_t>& places) {
    std::vector<bool> admitted(admissions.entrants.size());
    for (const auto place : places) {
      admitted[place] = true;
    }
    count_passes(admissions, terms.epochs, admitted);
  }
};

TEST_CASE("requests are admitted in the order of their arrival while seats are free") {
  Queue queue(5);
  queue.terms.num_seats = 3;

  CHECK(queue.choose() == 3);
  CHECK(queue.chosen() == std::vector{&queue[0], &queue[1], &queue[2]});
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
  CHECK(queue.chosen().front() == &queue[1]);
  queue.admit({0, 1});
  CHECK(queue[0].num_passes == 2);
  CHECK(queue.choose() == static_cast<std::size_t>(kMaxPasses) - 2);
  queue[0].num_passes = kMaxPasses;
  CHECK(queue.choose() == 0);
}

TEST_CASE("one that was passed too often is the only one proposed when its turn comes") {
  Queue queue(10);
  queue[0].num_passes = kMaxPasses;

  CHECK(queue.choose() == 1);
  CHECK(queue.chosen() == std::vector{&queue[0]});
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
  REQUIRE(queue.choose() == 2);

  queue.admit({0, 1});

  CHECK(queue[1].num_passes == 1);
  CHECK(queue[3].num_passes == 0);
  CHECK(queue[0].num_passes == 0);
}

TEST_CASE("one that memory refuses in the same step counts those that were admitted behind it") {
  Queue queue(3);
  REQUIRE(queue.choose() == 3);
  queue.hold_back(1);

  queue.admit({0, 2});

  CHECK(queue[1].num_passes == 1);
  CHECK(queue[0].num_passes == 0);
}

TEST_CASE("without a free seat a request enters in the place of one that it outranks") {
  Queue queue(0, SchedulingPolicy::priority);
  const auto low = queue.make(1, 0);
  const auto middle = queue.make(2, 3);
  const auto high = queue.make(3, 5);
  const auto equal = queue.make(4, 3);
  std::vector<Sequence*> displaceable{low.get(), middle.get()};
  queue.terms.displaceable = displaceable;
  queue.terms.num_seats = 0;
  queue.waiting.insert(*high);
  queue.waiting.insert(*equal);

  REQUIRE(queue.choose() == 1);

  CHECK(queue.admissions.entrants[0].sequence == high.get());
  CHECK(queue.admissions.entrants[0].displaced == low.get());
  queue.terms.num_seats = 1;
  REQUIRE(queue.choose() == 2);
  CHECK(queue.admissions.entrants[0].displaced == nullptr);
  CHECK(queue.admissions.entrants[1].sequence == equal.get());
  CHECK(queue.admissions.entrants[1].displaced == low.get());
}

TEST_CASE("under fcfs nobody is displaced") {
  Queue queue(1);
  const auto late = queue.make(9, 0);
  std::vector<Sequence*> displaceable{late.get()};
  queue.terms.displaceable = displaceable;
  queue.terms.num_seats = 0;

  CHECK(queue.choose() == 0);
}

TEST_CASE("while a running sequence is short of blocks, only those who outrank it enter") {
  Queue queue(0, SchedulingPolicy::priority);
  const auto runner = queue.make(1, 3);
  const auto equal = queue.make(2, 3);
  const auto high = queue.make(3, 4);
  queue.terms.held_back_runner = runner.get();
  queue.waiting.insert(*equal);
  CHECK(queue.choose() == 0);

  queue.waiting.insert(*high);

  REQUIRE(queue.choose() == 1);
  CHECK(queue.chosen().front() == high.get());
}

TEST_CASE("the first chunk of an admission keeps to the threshold for long prefills") {
  Queue queue(1);
  queue.config.long_prefill_token_threshold = 4;

  REQUIRE(queue.choose() == 1);

  CHECK(queue[0].quota == 4);
}

}  // namespace
}  // namespace troupe
