// Figures about the running service, as values.
#pragma once

#include "engine/base/ids.h"

#include <cstdint>
#include <vector>

namespace troupe {

enum class EngineHealth : std::uint8_t { starting, healthy, restarting, given_up };

/// One engine as its last step left it.
struct EngineStatus {
  EngineId engine;
  EngineHealth health = EngineHealth::starting;
  std::int32_t num_running = 0;
  std::int32_t num_waiting = 0;
  std::int32_t num_total_blocks = 0;
  std::int32_t num_free_blocks = 0;    // held by nobody, cached ones included
  std::int32_t num_cached_blocks = 0;  // of the free ones: those with reusable content
  std::uint32_t num_restarts = 0;
};

struct ServiceStatus {
  bool draining = false;
  std::int32_t num_live_requests = 0;
  std::vector<EngineStatus> engines;

  /// True when a request sent now would be served.
  [[nodiscard]] bool ready() const;
};

}  // namespace troupe
