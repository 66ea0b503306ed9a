// What a ring holds every proposal and every plan against.
#include "engine/base/check.h"
#include "engine/scheduling/limits.h"

#include "tests/support/ring.h"

#include <algorithm>
#include <string>

namespace troupe::test {
namespace {

std::string name(RequestId request) {
  return "request " + std::to_string(request.value);
}

template <class Range, class Value>
bool contains(const Range& range, const Value& value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

}  // namespace

void Ring::check_proposal(const StepProposal& proposal) const {
  const auto& config = options_.config;
  TROUPE_CHECK(plans_.size() + on_device_.size() + results_.size() < kMaxStepsInFlight,
               "a third step would be in flight");
  std::int64_t num_tokens = proposal.max_admission_tokens;
  const RequestLog* before = nullptr;
  auto before_entered = false;
  std::set<std::int32_t> seats;
  for (const auto& candidate : proposal.candidates) {
    num_tokens += candidate.admission ? 0 : candidate.num_tokens;
    if (!candidate.displaces) {
      TROUPE_CHECK(seats.insert(candidate.seat).second, "two candidates on one seat");
    }
    TROUPE_CHECK(candidate.seat >= 0 && candidate.seat < config.max_num_seqs, "no such seat");
    const auto request =
        candidate.admission ? candidate.admission->request : request_of_.at(candidate.sequence);
    const auto& log = logs_.at(request);
    TROUPE_CHECK(!log.ending, name(request) + " has ended, and is proposed");
    TROUPE_CHECK(candidate.begin + candidate.num_tokens < std::ssize(log.oracle) + 1 ||
                     log.oracle_reason == FinishReason::stop,
                 name(request) + " would compute beyond its length");
    if (before != nullptr && config.scheduling.policy == SchedulingPolicy::fcfs) {
      TROUPE_CHECK(before->request.arrival <= log.request.arrival ||
                       (candidate.admission && !before_entered),
                   "candidates out of order");
    }
    before = &log;
    before_entered = candidate.admission != nullptr;
  }
  TROUPE_CHECK(std::ssize(seats) <= config.max_num_seqs, "more rows than seats");
  TROUPE_CHECK(num_tokens <= config.max_num_batched_tokens, "a step beyond the budget");
  check_caps(proposal);
  check_victims(proposal);
}

void Ring::check_caps(const StepProposal& proposal) const {
  const auto& scheduling = options_.config.scheduling;
  std::int64_t num_decodes = 0;
  std::int64_t num_prefill_tokens = proposal.max_admission_tokens;
  for (const auto& candidate : proposal.candidates) {
    if (candidate.admission) {
      TROUPE_CHECK(scheduling.long_prefill_token_threshold == 0 ||
                       candidate.num_tokens <= scheduling.long_prefill_token_threshold,
                   "a chunk beyond the threshold");
    } else if (candidate.num_tokens == 1) {
      ++num_decodes;  // or a prefill that has one token left
    } else {
      num_prefill_tokens += candidate.num_tokens;
    }
  }
  TROUPE_CHECK(
      scheduling.max_prefill_tokens == 0 || num_prefill_tokens <= scheduling.max_prefill_tokens,
      "prefills beyond their cap");
  TROUPE_CHECK(scheduling.max_decode_tokens == 0 || scheduling.max_prefill_tokens == 0 ||
                   num_decodes + num_prefill_tokens <=
                       scheduling.max_decode_tokens + scheduling.max_prefill_tokens,
               "decodes beyond their cap");
}

void Ring::check_victims(const StepProposal& proposal) const {
  if (!groups_.empty()) {
    return;  // suspects may take from everybody
  }
  std::optional<std::pair<TimePoint, RequestId>> oldest;
  for (const auto sequence : tables_->holders()) {
    const auto request = request_of_.at(sequence);
    if (!contains(proposal.releases, sequence)) {
      const std::pair key(logs_.at(request).request.arrival, request);
      oldest = oldest ? std::min(*oldest, key) : key;
    }
  }
  for (const auto victim : proposal.victims) {
    TROUPE_CHECK(request_of_.at(victim) != oldest->second, "the oldest could be sacrificed");
  }
}

// Suspects compute with nobody outside their group, neither in their step nor in the one ahead.
void Ring::check_company(const StepPlan& plan) const {
  std::vector<RequestId> company = requests_of(plan);
  for (const auto* queue : {&plans_, &on_device_}) {
    for (const auto& ahead : *queue) {
      const auto others = requests_of(*ahead);
      company.insert(company.end(), others.begin(), others.end());
    }
  }
  for (const auto& group : groups_) {
    const auto suspected = std::ranges::any_of(company, [&](RequestId request) {
      return uncleared_.contains(request) && contains(group, request);
    });
    TROUPE_CHECK(
        !suspected || std::ranges::all_of(
                          company, [&](RequestId request) { return contains(group, request); }),
        "suspects do not run alone");
  }
}

void Ring::check_population() const {
  const auto statistics = scheduler_->statistics();
  TROUPE_CHECK(statistics.num_waiting + statistics.num_running + statistics.num_departed ==
                   std::ssize(enqueued_),
               std::to_string(statistics.num_waiting) + " wait and " +
                   std::to_string(statistics.num_running) + " run, " +
                   std::to_string(enqueued_.size()) + " live");
  TROUPE_CHECK(statistics.num_running <= options_.config.max_num_seqs, "more run than seats");
}

}  // namespace troupe::test
