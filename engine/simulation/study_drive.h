// Drives one real Scheduler and one real MemoryManager in virtual time.
#pragma once

#include "engine/api/engine_config.h"
#include "engine/base/result.h"
#include "engine/memory/memory_config.h"
#include "engine/simulation/run_record.h"
#include "engine/simulation/step_cost.h"
#include "engine/simulation/workload.h"

#include <functional>

namespace troupe::simulation {

struct DriveOptions {
  EngineConfig engine;
  MemoryConfig memory;
  StepCost cost;
  std::function<StepShape(const StepPlan&)> shape;  // what a plan is charged as
};

/// Runs the whole list.
[[nodiscard]] RunRecord drive(const Workload& workload, const DriveOptions& options);

}  // namespace troupe::simulation
