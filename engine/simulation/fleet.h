// Many engines and one router in virtual time: how a fleet serves a stream of requests, and what
// its clients notice when nodes die.
#pragma once

#include "engine/base/time.h"
#include "engine/simulation/fleet_router.h"
#include "engine/simulation/latency_histogram.h"
#include "engine/simulation/virtual_engine.h"
#include "engine/simulation/workload.h"

#include <cstdint>
#include <functional>

namespace troupe::simulation {

struct FleetOptions {
  std::int32_t num_nodes = 1;
  std::int64_t num_requests = 1;
  double load = 0.8;  // of what the nodes could serve, see `requests_per_second`
  FleetRouting routing = FleetRouting::least_loaded;
  std::int32_t num_failures = 0;                      // nodes that die, at random times
  Duration restart_after = std::chrono::seconds(30);  // then the node is back, with an empty memory
  Duration detected_after = std::chrono::milliseconds(100);  // its requests go on elsewhere
  std::uint64_t seed = 0;
  VirtualEngineOptions engine;
};

struct FleetReport {
  double requests_per_second = 0;  // that arrived
  Duration end{};                  // of the last request
  std::int64_t num_finished = 0;
  std::int64_t num_refused = 0;
  std::int64_t num_resumed = 0;  // times that a request went on elsewhere
  std::int64_t num_prompt_tokens = 0;
  std::int64_t num_output_tokens = 0;
  LatencyHistogram first_token;
  LatencyHistogram inter_token;
  LatencyHistogram whole;
  EngineTotals totals;       // of all nodes, dead ones included
  std::uint64_t digest = 0;  // of who finished when and where
};

/// What one node could serve of `list`, a second: the time that its mean request takes of a full
/// batch. A pure function.
[[nodiscard]] double requests_per_second(const Workload& list, const VirtualEngineOptions& engine);

/// Told now and then how many requests have ended.
using FleetProgress = std::function<void(std::int64_t num_ended)>;

/// Plays `num_requests` drawn from `list`, arriving as a Poisson stream. Where the list names
/// prefixes it is gone through in its order, again and again, each time by other users. Checked:
/// the list is not empty. The same options give the same report, to the bit.
[[nodiscard]] FleetReport simulate_fleet(const Workload& list,
                                         const FleetOptions& options,
                                         const FleetProgress& progress);

}  // namespace troupe::simulation
