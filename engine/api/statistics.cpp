#include "engine/api/statistics.h"

#include <algorithm>

namespace troupe {

bool ServiceStatus::ready() const {
  return !draining && std::ranges::any_of(engines, [](const EngineStatus& engine) {
    return engine.health == EngineHealth::healthy || engine.health == EngineHealth::restarting;
  });
}

}  // namespace troupe
