// A replay agrees with an honest journal, and says of a doctored one where it parts from it.
#include "engine/journal/replay.h"

#include "engine/journal/recorder.h"

#include "tests/engine/journal/recorded_ring.h"
#include "tests/support/journal_pages.h"

#include <doctest/doctest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace troupe::journal {
namespace {

using test::bound;
using test::pages_of;

ReplayReport replay_of(const std::string& bytes) {
  std::istringstream in(bytes);
  auto report = replay(in);
  REQUIRE(report);
  return *std::move(report);
}

template <class Kind>
std::vector<std::size_t> pages_with(const std::vector<std::string>& pages) {
  std::vector<std::size_t> found;
  for (std::size_t index = 0; index < pages.size(); ++index) {
    const auto record = parse_record(pages[index]);
    REQUIRE(record);
    if (std::holds_alternative<Kind>(*record)) {
      found.push_back(index);
    }
  }
  return found;
}

Settled settled_on(const std::string& page) {
  return std::get<Settled>(*parse_record(page));
}

}  // namespace

TEST_CASE("a recorded ring is replayed to the same steps, across preemption, cancel and crash") {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    const auto report = replay_of(test::recorded_ring(seed));

    CHECK_FALSE(report.difference);
    CHECK_FALSE(report.damage);
    CHECK(report.failed_rings.empty());
    CHECK(report.num_rings == 2);
    CHECK(report.agreements.num_plans > 10);
    CHECK(report.ending == Ending::closed);
  }
}

TEST_CASE("a journal that was cut off is replayed as far as it goes") {
  const auto whole = test::recorded_ring(3);
  std::int64_t most = 0;
  for (std::size_t length = 1000; length < whole.size(); length += 101) {
    CAPTURE(length);
    const auto report = replay_of(whole.substr(0, length));

    CHECK_FALSE(report.difference);
    CHECK(report.agreements.num_proposals >= most);
    most = report.agreements.num_proposals;
  }
  CHECK(most > 20);
}

TEST_CASE("a plan that was doctored is found at its step") {
  const auto pages = pages_of(test::recorded_ring(4));
  for (const auto index : pages_with<Settled>(pages)) {
    const auto settled = settled_on(pages[index]);
    if (settled.plan.empty()) {
      continue;
    }
    CAPTURE(index);
    auto doctored = pages;
    doctored[index].back() = static_cast<char>(doctored[index].back() ^ 2);  // row's last field

    const auto report = replay_of(bound(doctored));

    REQUIRE(report.difference);
    CHECK(report.difference->step == settled.step);
    CHECK(report.difference->ring == settled.ring);
    CHECK(report.difference->what == "the plan");
    CHECK(report.difference->description.find(".samples: recorded") != std::string::npos);
  }
}

TEST_CASE("a proposal that was doctored is found before anything comes of it") {
  const auto pages = pages_of(test::recorded_ring(5));
  const auto proposals = pages_with<Proposed>(pages);
  auto doctored = pages;
  doctored[proposals[6]].back() = static_cast<char>(doctored[proposals[6]].back() ^ 2);

  const auto report = replay_of(bound(doctored));

  REQUIRE(report.difference);
  CHECK(report.difference->what == "the proposal");
  CHECK(report.difference->description.find("num_headroom_blocks") != std::string::npos);
  CHECK(report.agreements.num_proposals == 6);
}

TEST_CASE("a request that was taken out of a journal is missed at the step which it enters") {
  const auto pages = pages_of(test::recorded_ring(6));
  const auto enqueued = pages_with<Enqueued>(pages);
  auto doctored = pages;
  doctored.erase(doctored.begin() + static_cast<std::ptrdiff_t>(enqueued[0]));

  const auto report = replay_of(bound(doctored));

  REQUIRE(report.difference);
  CHECK(report.agreements.num_proposals == 0);
}

TEST_CASE("an output that was taken out of a journal is missed") {
  const auto pages = pages_of(test::recorded_ring(7));
  const auto proposals = pages_with<Proposed>(pages);
  auto doctored = pages;
  doctored.erase(doctored.begin() + static_cast<std::ptrdiff_t>(proposals[3]));

  const auto report = replay_of(bound(doctored));

  REQUIRE(report.difference);
  CHECK(report.difference->description.find("lacks a proposal of step 4") != std::string::npos);
}

TEST_CASE("the answers of the memory manager may be written before or behind the scheduler's") {
  auto pages = pages_of(test::recorded_ring(8));
  const auto honest = replay_of(bound(pages));
  for (const auto index : pages_with<Settled>(pages)) {
    // In front of what the scheduler was asked and said, as if its own writer had been faster.
    for (std::size_t at = index; at + 2 > index && at > 0; --at) {
      std::swap(pages[at], pages[at - 1]);
    }
  }

  const auto report = replay_of(bound(pages));

  CHECK_FALSE(report.difference);
  CHECK(report.agreements.num_grants == honest.agreements.num_grants);
  CHECK(report.agreements.num_plans == honest.agreements.num_plans);
}

TEST_CASE("a station that failed a check does so again, and the replay tells") {
  auto recorded = journal_beginning();
  Recorder recorder(RingNumber{1});
  RingBegan began;
  began.ring = RingNumber{1};
  began.engine = test::make_config(8, 4);
  began.memory = {.num_blocks = 8, .block_size = 4};
  recorder.ring_began(began);
  Scheduler scheduler(began.engine, began.ring);
  const auto request = test::make_request(1, test::counting(3), 5);
  recorder.enqueued(request, TimePoint{});
  REQUIRE(scheduler.enqueue(request));
  recorder.asked(TimePoint{});
  const auto proposal = scheduler.propose(TimePoint{});
  recorder.proposed(*proposal);
  auto granted = test::grant_all(*proposal);
  recorder.grant_arrived(granted);
  static_cast<void>(scheduler.acknowledge(granted));
  recorder.asked(TimePoint{});
  recorder.proposed(*scheduler.propose(TimePoint{}));
  auto result = test::sample_all(granted, 7);
  result.tokens.push_back(result.tokens.front());
  recorder.result_arrived(result);
  CHECK_THROWS(static_cast<void>(scheduler.apply(result)));

  const auto report = replay_of(recorded + recorder.take_bytes());

  CHECK_FALSE(report.difference);
  REQUIRE(report.failed_rings.size() == 1);
  CHECK(report.failed_rings[0].check.find("other tokens than rows") != std::string::npos);
}

// Behind sound checksums, so that the stations themselves meet what is false.
TEST_CASE("whatever a made-up journal says, its replay comes to an end") {
  std::int64_t num_differences = 0;
  std::int64_t num_unknown = 0;
  for (std::uint32_t seed = 0; seed < 600; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    auto pages = pages_of(test::recorded_ring(seed % 8));
    for (auto count = 1 + random() % 4; count > 0; --count) {
      auto& page = pages[random() % pages.size()];
      switch (random() % 4) {
        case 0:
          page[random() % page.size()] = static_cast<char>(random());
          break;
        case 1:
          page.resize(1 + random() % page.size());
          break;
        case 2:
          std::swap(page, pages[random() % pages.size()]);
          break;
        default:
          pages.insert(pages.begin() + static_cast<std::ptrdiff_t>(random() % pages.size()), page);
          break;
      }
    }

    const auto report = replay_of(bound(pages));

    num_differences += report.difference ? 1 : 0;
    num_unknown += report.damage ? 1 : 0;
  }
  CHECK(num_differences > 50);
  CHECK(num_unknown > 50);
}

}  // namespace troupe::journal
