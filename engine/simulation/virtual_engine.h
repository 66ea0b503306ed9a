// One engine in virtual time: a real Scheduler and a real MemoryManager, two steps in flight as on
// the ring, and a cost model where the device would be. Events are driven from outside, so that
// many engines share one clock.
#pragma once

#include "engine/api/attempt.h"
#include "engine/api/engine_config.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/memory/memory_config.h"
#include "engine/simulation/step_cost.h"
#include "engine/simulation/workload.h"
#include "engine/step/step.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::simulation {

struct VirtualEngineOptions {
  EngineConfig engine;
  MemoryConfig memory;
  StepCost cost;
  /// What a plan is charged as. What it moves between host and device comes on top.
  std::function<StepShape(const StepPlan&)> shape = [](const StepPlan& plan) {
    return shape_of(plan);
  };
};

/// One turn of planning, before the scheduler learns of it.
struct SettledStep {
  const StepProposal& proposal;
  const StepGranted& granted;
  const StepPlan* plan = nullptr;  // null when there is nothing to compute
  Duration begin{};                // on the device, as `end`: of a plan
  Duration end{};
  std::int32_t num_waiting = 0;
  std::int32_t num_running = 0;
};

using StepObserver = std::function<void(const SettledStep&)>;

/// The first attempt at a request of a list: greedy, and exactly as long as the list says.
[[nodiscard]] EnqueuedRequest first_attempt(const WorkloadRequest& request,
                                            std::uint64_t number,
                                            std::vector<TokenId> prompt);

/// What an engine has done since it began. All times are virtual.
struct EngineTotals {
  std::int64_t num_steps = 0;
  std::int64_t num_rows = 0;
  std::int64_t num_preemptions = 0;
  std::int64_t num_hit_tokens = 0;      // of prompts, found in the prefix cache
  std::int64_t num_discarded_rows = 0;  // computed for sequences that had ended
  std::int64_t num_swapped_blocks = 0;  // out and in
  Duration busy{};                      // of its device
};

/// Not thread-safe; two engines have nothing in common.
class VirtualEngine {
 public:
  /// `options` outlives the engine. `observer` is told of every turn of planning.
  explicit VirtualEngine(const VirtualEngineOptions& options, StepObserver observer = {});
  ~VirtualEngine();
  VirtualEngine(VirtualEngine&&) noexcept;
  VirtualEngine& operator=(VirtualEngine&&) noexcept;

  /// A request comes in; `plan` takes it up. Each token that it gets is a 1. Checked: time does not
  /// go back, and the request has no deadline. Errors: those of the scheduler.
  [[nodiscard]] Result<void> enqueue(EnqueuedRequest request, Duration now);

  /// Plans what can be planned now. To be called when all that happens at one moment has happened.
  void plan();

  /// When the oldest step in flight ends; nothing while the device is idle.
  [[nodiscard]] std::optional<Duration> next_end() const;

  /// The oldest step ends, at `next_end()`: its tokens, good until the next call of `land`.
  /// Checked: one is in flight.
  [[nodiscard]] const std::vector<RequestTokens>& land();

  [[nodiscard]] EngineTotals totals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe::simulation
