#include "engine/gateway/routing_table.h"

#include "engine/base/check.h"

#include <algorithm>

namespace troupe {

void RoutingTable::engine_ready(const EngineStatus& status) {
  engines_[status.engine].status = status;
}

void RoutingTable::engine_load(const EngineStatus& status) {
  const auto found = engines_.find(status.engine);
  if (found == engines_.end()) {
    return;
  }
  // Health and restarts are the supervisor's to tell, not the scheduler's.
  auto& known = found->second.status;
  known.num_running = status.num_running;
  known.num_waiting = status.num_waiting;
  known.num_free_blocks = status.num_free_blocks;
  known.num_cached_blocks = status.num_cached_blocks;
}

std::vector<RequestId> RoutingTable::engine_down(EngineId engine, EngineHealth health) {
  auto& entry = engines_[engine];
  entry.status.engine = engine;
  entry.status.health = health;
  entry.status.num_running = 0;
  entry.status.num_waiting = 0;
  entry.status.num_free_blocks = entry.status.num_total_blocks;
  entry.status.num_cached_blocks = 0;
  entry.num_requests = 0;
  std::vector<RequestId> lost;
  for (auto& [request, placed] : requests_) {
    if (placed == engine) {
      placed.reset();
      lost.push_back(request);
    }
  }
  std::ranges::sort(lost);  // the map's order is nobody's business
  return lost;
}

Result<std::optional<EngineId>> RoutingTable::place(RequestId request, AttemptNumber attempt) {
  if (draining_ && attempt.value <= 1) {
    return fail(ErrorCode::draining, "the server is shutting down and takes no new requests");
  }
  forget(request);
  Engine* best = nullptr;
  bool somebody_starts = false;
  for (auto& [id, engine] : engines_) {
    const auto health = engine.status.health;
    somebody_starts =
        somebody_starts || health == EngineHealth::starting || health == EngineHealth::restarting;
    if (health == EngineHealth::healthy &&
        (best == nullptr || engine.num_requests < best->num_requests)) {
      best = &engine;
    }
  }
  if (best != nullptr) {
    ++best->num_requests;
    requests_[request] = best->status.engine;
    return std::optional(best->status.engine);
  }
  if (engines_.empty() || somebody_starts) {
    requests_[request] = std::nullopt;
    return std::optional<EngineId>();
  }
  return fail(ErrorCode::unhealthy, "every engine was given up after repeated crashes");
}

std::optional<EngineId> RoutingTable::engine_of(RequestId request) const {
  const auto found = requests_.find(request);
  return found == requests_.end() ? std::nullopt : found->second;
}

void RoutingTable::forget(RequestId request) {
  const auto found = requests_.find(request);
  if (found == requests_.end()) {
    return;
  }
  if (found->second) {
    auto& engine = engines_.at(*found->second);
    TROUPE_CHECK(engine.num_requests > 0, "an engine has fewer requests than were placed on it");
    --engine.num_requests;
  }
  requests_.erase(found);
}

ServiceStatus RoutingTable::status() const {
  ServiceStatus status;
  status.draining = draining_;
  status.num_live_requests = static_cast<std::int32_t>(requests_.size());
  for (const auto& [id, engine] : engines_) {
    status.engines.push_back(engine.status);
  }
  return status;
}

}  // namespace troupe
