// What planning one iteration costs on the host, without actors and without a device: the scheduler
// (propose, acknowledge, apply) and the memory manager (settle).
#pragma once

#include "engine/api/scheduling_config.h"

#include <cstdint>

namespace troupe::cli {

struct PlannerLoad {
  std::int32_t num_sequences = 128;  // that decode, each step all of them
  std::int32_t num_queued = 0;       // behind them, without a seat
  std::int32_t num_cached_blocks =
      0;  // held by nobody, with content; evicted as blocks grow scarce
  std::int32_t num_iterations = 1000;
  SchedulingConfig scheduling;
};

/// In microseconds a step: the median of means over as many steps as a block has tokens, in which
/// each sequence that decodes takes one block.
struct PlannerCost {
  double scheduler_us = 0;
  double memory_us = 0;
};

/// Takes as long as its load makes it: 1,000,000 cached blocks need a second to be filled. Checked:
/// there are at least as many iterations as a block has tokens (16).
[[nodiscard]] PlannerCost measure_planner(const PlannerLoad& load);

}  // namespace troupe::cli
