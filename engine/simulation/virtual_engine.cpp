#include "engine/simulation/virtual_engine.h"

#include "engine/base/check.h"
#include "engine/memory/memory_manager.h"
#include "engine/scheduling/scheduler.h"
#include "engine/simulation/answer.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

namespace troupe::simulation {
namespace {

constexpr RingNumber kRing{1};
constexpr TokenId kToken = 1;

struct InFlight {
  StepResult result;
  Duration end{};
};

}  // namespace

struct VirtualEngine::State {
  State(const VirtualEngineOptions& given, StepObserver told)
      : options(given),
        observer(std::move(told)),
        scheduler(given.engine, kRing),
        memory(given.memory, kRing) {}

  const VirtualEngineOptions& options;
  StepObserver observer;
  Scheduler scheduler;
  MemoryManager memory;
  std::deque<InFlight> flights;
  std::vector<RequestTokens> tokens;
  Duration now{};
  Duration device_free{};
  EngineTotals totals;

  void plan();
  void launch(const StepPlan& step, const StepGranted& granted);
  [[nodiscard]] Duration cost_of(const StepPlan& step) const;
  void report(const StepProposal& proposal, const MemoryManager::Settled& settled) const;
};

// A proposal is settled at once: in virtual time the host costs nothing.
void VirtualEngine::State::plan() {
  while (const auto proposal = scheduler.propose(TimePoint(now))) {
    const auto settled = memory.settle(*proposal);
    if (settled.plan) {
      launch(*settled.plan, settled.granted);
    }
    if (observer) {
      report(*proposal, settled);
    }
    const auto outcome = scheduler.acknowledge(settled.granted);
    TROUPE_CHECK(outcome.tokens.empty(), "a result came before its grant");
  }
}

void VirtualEngine::State::launch(const StepPlan& step, const StepGranted& granted) {
  const auto cost = cost_of(step);
  device_free = std::max(now, device_free) + cost;
  ++totals.num_steps;
  totals.num_rows += static_cast<std::int64_t>(step.rows.size());
  totals.busy += cost;
  flights.push_back({answer_to(granted, kToken, cost), device_free});
}

Duration VirtualEngine::State::cost_of(const StepPlan& step) const {
  const auto cost = options.cost(options.shape(step));
  const auto num_moved = step.swaps_in.size() + step.swaps_out.size();
  const auto& link = options.memory;
  if (num_moved == 0 || link.host_link_bytes_per_second <= 0) {
    return cost;
  }
  const auto bytes = static_cast<double>(num_moved) * static_cast<double>(link.bytes_per_block);
  return cost + from_seconds(bytes / link.host_link_bytes_per_second);
}

void VirtualEngine::State::report(const StepProposal& proposal,
                                  const MemoryManager::Settled& settled) const {
  const auto statistics = scheduler.statistics();
  SettledStep step{.proposal = proposal, .granted = settled.granted};
  step.plan = settled.plan.get();
  if (settled.plan) {
    step.end = flights.back().end;
    step.begin = step.end - flights.back().result.device_time;
  }
  step.num_waiting = statistics.num_waiting;
  step.num_running = statistics.num_running;
  observer(step);
}

EnqueuedRequest first_attempt(const WorkloadRequest& request,
                              std::uint64_t number,
                              std::vector<TokenId> prompt) {
  EnqueuedRequest attempt;
  attempt.request = RequestId{number};
  attempt.attempt = AttemptNumber{1};
  attempt.tokens = std::move(prompt);
  attempt.num_prompt_tokens = request.num_prompt_tokens;
  attempt.max_output_tokens = request.num_output_tokens;
  attempt.sampling.temperature = 0.0F;
  attempt.sampling.seed = 0;
  attempt.sampling.ignore_eos = true;
  attempt.arrival = TimePoint(request.arrival);
  attempt.priority = request.priority;
  attempt.tenant = std::to_string(request.tenant);
  return attempt;
}

VirtualEngine::VirtualEngine(const VirtualEngineOptions& options, StepObserver observer)
    : state_(std::make_unique<State>(options, std::move(observer))) {}

VirtualEngine::~VirtualEngine() = default;
VirtualEngine::VirtualEngine(VirtualEngine&&) noexcept = default;
VirtualEngine& VirtualEngine::operator=(VirtualEngine&&) noexcept = default;

Result<void> VirtualEngine::enqueue(EnqueuedRequest request, Duration now) {
  TROUPE_CHECK(now >= state_->now, "time goes back");
  TROUPE_CHECK(!request.deadline, "who is turned away later is not reported");
  state_->now = now;
  return state_->scheduler.enqueue(std::move(request));
}

void VirtualEngine::plan() {
  state_->plan();
}

std::optional<Duration> VirtualEngine::next_end() const {
  return state_->flights.empty() ? std::nullopt : std::optional(state_->flights.front().end);
}

const std::vector<RequestTokens>& VirtualEngine::land() {
  auto& state = *state_;
  TROUPE_CHECK(!state.flights.empty(), "no step is in flight");
  const auto flight = std::move(state.flights.front());
  state.flights.pop_front();
  state.now = flight.end;
  state.tokens = state.scheduler.apply(flight.result).tokens;
  return state.tokens;
}

EngineTotals VirtualEngine::totals() const {
  auto totals = state_->totals;
  const auto scheduled = state_->scheduler.statistics();
  const auto& remembered = state_->memory.statistics();
  totals.num_preemptions = scheduled.num_preemptions;
  totals.num_discarded_rows = scheduled.num_discarded_rows;
  totals.num_hit_tokens = remembered.num_hit_tokens;
  totals.num_swapped_blocks = remembered.num_swapped_in_blocks + remembered.num_swapped_out_blocks;
  return totals;
}

}  // namespace troupe::simulation
