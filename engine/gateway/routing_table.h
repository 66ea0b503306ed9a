// Who runs where: the engines of a gateway, and which of them has which request. Decides placement;
// knows nothing of how anybody is reached.
#pragma once

#include "engine/api/statistics.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Owned by the router; not thread-safe.
class RoutingTable {
 public:
  /// An engine is ready (again). It has none of our requests.
  void engine_ready(const EngineStatus& status);

  /// The figures of an engine's last step. An unknown engine's are dropped.
  void engine_load(const EngineStatus& status);

  /// An engine lost its requests and is being restarted, or was given up. Returns the requests
  /// that it had; they have no engine now.
  [[nodiscard]] std::vector<RequestId> engine_down(EngineId engine, EngineHealth health);

  /// Where one attempt of `request` is to run: the healthy engine with the fewest requests, ties by
  /// id. Nothing: it must wait for an engine that is starting. Errors: `unhealthy` when there is
  /// none to wait for, `draining` for a request that was not accepted before.
  [[nodiscard]] Result<std::optional<EngineId>> place(RequestId request, AttemptNumber attempt);

  /// The engine that has `request`, if one has.
  [[nodiscard]] std::optional<EngineId> engine_of(RequestId request) const;

  /// A request has left; unknown ids are normal.
  void forget(RequestId request);

  /// Requests that were never placed are refused from now on.
  void drain() { draining_ = true; }

  [[nodiscard]] ServiceStatus status() const;

 private:
  struct Engine {
    EngineStatus status;
    std::int32_t num_requests = 0;
  };

  std::map<EngineId, Engine> engines_;  // ordered, so that ties go by id
  std::unordered_map<RequestId, std::optional<EngineId>> requests_;
  bool draining_ = false;
};

}  // namespace troupe
