// The flags that say how requests share the device.
#pragma once

#include "engine/api/scheduling_config.h"

namespace CLI {
class App;
}  // namespace CLI

namespace troupe::cli {

/// Adds the flags to `flags`, which must not outlive `config`.
void add_scheduling_options(CLI::App& flags, SchedulingConfig& config);

}  // namespace troupe::cli
