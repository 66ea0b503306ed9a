// Finds the one request that crashes the worker: the requests of a crashed step are retried in
// halves, then alone, and one that crashed twice alone is given up.
#pragma once

#include "engine/base/ids.h"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Outlives the rings: owned by the engine's supervisor. Not thread-safe.
class CrashSuspects {
 public:
  /// A step with these requests crashed. Returns those that are to end with `worker_lost`.
  [[nodiscard]] std::vector<RequestId> crashed(const std::vector<RequestId>& requests);

  /// These requests got past the crash, or ended.
  void clear(const std::vector<RequestId>& requests);

  /// The groups that the next ring runs apart from everybody else, in order.
  [[nodiscard]] const std::vector<std::vector<RequestId>>& groups() const { return groups_; }

 private:
  void leave_groups(const std::vector<RequestId>& requests);

  std::vector<std::vector<RequestId>> groups_;
  std::unordered_map<RequestId, std::int32_t> num_crashes_alone_;
};

}  // namespace troupe
