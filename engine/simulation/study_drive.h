// Runs a whole list through one engine in virtual time, and writes down all of it.
#pragma once

#include "engine/simulation/run_record.h"
#include "engine/simulation/virtual_engine.h"
#include "engine/simulation/workload.h"

namespace troupe::simulation {

[[nodiscard]] RunRecord drive(const Workload& workload, const VirtualEngineOptions& options);

}  // namespace troupe::simulation
