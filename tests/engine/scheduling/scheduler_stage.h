// A scheduler between a memory and a device that the test plays.
#pragma once

#include "engine/scheduling/scheduler.h"

#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace troupe::test {

inline constexpr RingNumber kRing{1};
inline constexpr TokenId kWord = 7;
inline constexpr TokenId kEnd = 0;

struct SchedulerStage {
  explicit SchedulerStage(EngineConfig config = make_config(100, 4),
                          std::vector<std::vector<RequestId>> suspects = {})
      : scheduler(config, kRing, std::move(suspects)) {}

  Scheduler scheduler;
  TimePoint now{};

  void submit(std::uint64_t number, std::int32_t num_prompt = 4, std::int32_t max_output = 10) {
    const auto first = static_cast<TokenId>(number * 100);
    REQUIRE(scheduler.enqueue(make_request(number, counting(num_prompt, first), max_output)));
  }

  void submit_with_priority(std::uint64_t number, std::int32_t priority) {
    auto request = make_request(number, counting(4), 10);
    request.priority = priority;
    REQUIRE(scheduler.enqueue(std::move(request)));
  }

  void submit_at(std::uint64_t number, std::int32_t num_prompt, TimePoint arrival) {
    auto request = make_request(number, counting(num_prompt), 10);
    request.arrival = arrival;
    REQUIRE(scheduler.enqueue(std::move(request)));
  }

  StepProposal propose() {
    auto proposal = scheduler.propose(now);
    REQUIRE(proposal);
    return *proposal;
  }

  /// One whole turn with nothing left in flight.
  StepOutcome turn(TokenId token = kWord) {
    const auto granted = grant_all(propose());
    auto outcome = scheduler.acknowledge(granted);
    REQUIRE(outcome.tokens.empty());
    return scheduler.apply(sample_all(granted, token));
  }

  /// The same, and what was proposed.
  StepProposal turn_and_tell() {
    auto proposal = propose();
    const auto granted = grant_all(proposal);
    static_cast<void>(scheduler.acknowledge(granted));
    static_cast<void>(scheduler.apply(sample_all(granted, kWord)));
    return proposal;
  }
};

/// The requests of the candidates. Required: all of them enter.
inline std::vector<std::uint64_t> requests_of(const StepProposal& proposal) {
  std::vector<std::uint64_t> requests;
  for (const auto& candidate : proposal.candidates) {
    REQUIRE(candidate.admission);
    requests.push_back(candidate.admission->request.value);
  }
  return requests;
}

}  // namespace troupe::test
