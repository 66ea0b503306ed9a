#include "engine/simulation/virtual_engine.h"

#include "engine/base/check.h"
#include "engine/memory/memory_manager.h"
#include "engine/scheduling/scheduler.h"

#include <algorithm>
#include <deque>
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
  explicit State(const VirtualEngineOptions& given)
      : options(given), scheduler(given.engine, kRing), memory(given.memory, kRing) {}

  const VirtualEngineOptions& options;
  Scheduler scheduler;
  MemoryManager memory;
  std::deque<InFlight> flights;
  std::vector<RequestTokens> tokens;
  Duration now{};
  Duration device_free{};
  EngineTotals totals;

  void plan();
  void launch(const StepPlan& step, const StepGranted& granted);
};

// A proposal is settled at once: in virtual time the host costs nothing.
void VirtualEngine::State::plan() {
  while (const auto proposal = scheduler.propose(TimePoint(now))) {
    auto settled = memory.settle(*proposal);
    if (settled.plan) {
      launch(*settled.plan, settled.granted);
    }
    const auto outcome = scheduler.acknowledge(settled.granted);
    TROUPE_CHECK(outcome.tokens.empty(), "a result came before its grant");
  }
}

void VirtualEngine::State::launch(const StepPlan& step, const StepGranted& granted) {
  const auto cost = options.cost(shape_of(step));
  device_free = std::max(now, device_free) + cost;
  ++totals.num_steps;
  totals.num_rows += static_cast<std::int64_t>(step.rows.size());
  totals.busy += cost;
  InFlight flight;
  flight.end = device_free;
  flight.result.ring = step.ring;
  flight.result.step = step.step;
  flight.result.device_time = cost;
  flight.result.tokens.reserve(granted.rows.size());
  for (const auto& row : granted.rows) {
    if (row.samples) {
      flight.result.tokens.push_back(SampledToken{row.sequence, row.end, kToken, {}, {}});
    }
  }
  flights.push_back(std::move(flight));
}

VirtualEngine::VirtualEngine(const VirtualEngineOptions& options)
    : state_(std::make_unique<State>(options)) {}

VirtualEngine::~VirtualEngine() = default;
VirtualEngine::VirtualEngine(VirtualEngine&&) noexcept = default;
VirtualEngine& VirtualEngine::operator=(VirtualEngine&&) noexcept = default;

Result<void> VirtualEngine::enqueue(EnqueuedRequest request, Duration now) {
  TROUPE_CHECK(now >= state_->now, "time goes back");
  TROUPE_CHECK(!request.deadline, "who is turned away later is not reported");
  state_->now = now;
  auto taken = state_->scheduler.enqueue(std::move(request));
  state_->plan();
  return taken;
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
  state.plan();
  return state.tokens;
}

EngineTotals VirtualEngine::totals() const {
  auto totals = state_->totals;
  totals.num_preemptions = state_->scheduler.statistics().num_preemptions;
  totals.num_hit_tokens = state_->memory.statistics().num_hit_tokens;
  return totals;
}

}  // namespace troupe::simulation
