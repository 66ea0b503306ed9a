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

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::simulation {

struct VirtualEngineOptions {
  EngineConfig engine;
  MemoryConfig memory;
  StepCost cost;
};

/// What an engine has done since it began. All times are virtual.
struct EngineTotals {
  std::int64_t num_steps = 0;
  std::int64_t num_rows = 0;
  std::int64_t num_preemptions = 0;
  std::int64_t num_hit_tokens = 0;  // of prompts, found in the prefix cache
  Duration busy{};                  // of its device
};

/// Not thread-safe; two engines have nothing in common.
class VirtualEngine {
 public:
  /// `options` outlives the engine.
  explicit VirtualEngine(const VirtualEngineOptions& options);
  ~VirtualEngine();
  VirtualEngine(VirtualEngine&&) noexcept;
  VirtualEngine& operator=(VirtualEngine&&) noexcept;

  /// A request comes in. Each token that it gets is a 1. Checked: time does not go back, and the
  /// request has no deadline. Errors: those of the scheduler.
  [[nodiscard]] Result<void> enqueue(EnqueuedRequest request, Duration now);

  /// When the oldest step in flight ends; nothing while the device is idle.
  [[nodiscard]] std::optional<Duration> next_end() const;

  /// The oldest step ends, at `next_end()`: its tokens, good until the next call. Checked: one is
  /// in flight.
  [[nodiscard]] const std::vector<RequestTokens>& land();

  [[nodiscard]] EngineTotals totals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe::simulation
