// Which node of a fleet takes a request. Rules as pure functions of what a router can know: how
// many requests each node has, and where which prefixes were sent.
#pragma once

#include "engine/simulation/workload.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace troupe::simulation {

enum class FleetRouting : std::uint8_t {
  round_robin,
  least_loaded,     // the fewest requests, ties by number: the rule of a gateway's router
  two_choices,      // the better of two drawn at random (Mitzenmacher, 1996)
  prefix_affinity,  // where most of the prompt is known, unless that node is overloaded
};

struct RoutingName {
  FleetRouting routing;
  std::string_view name;
};

inline constexpr RoutingName kRoutingNames[] = {
    {FleetRouting::round_robin, "round-robin"},
    {FleetRouting::least_loaded, "least-loaded"},
    {FleetRouting::two_choices, "two-choices"},
    {FleetRouting::prefix_affinity, "prefix-affinity"},
};

struct NodeLoad {
  std::int32_t num_requests = 0;
  bool up = true;
};

/// Owned by one simulation.
class FleetRouter {
 public:
  FleetRouter(FleetRouting routing, std::uint64_t seed);

  /// The node for a request; the prefixes that it names are known there from now on. Checked: a
  /// node is up. Costs O(nodes) at most.
  [[nodiscard]] std::size_t place(const WorkloadRequest& request, std::span<const NodeLoad> nodes);

 private:
  struct Known {
    std::int64_t prefix = 0;
    std::int32_t node = -1;
  };

  [[nodiscard]] std::size_t next_in_turn(std::span<const NodeLoad> nodes);
  [[nodiscard]] std::size_t better_of_two(std::span<const NodeLoad> nodes);
  [[nodiscard]] std::size_t where_prefix_is(const WorkloadRequest& request,
                                            std::span<const NodeLoad> nodes) const;
  [[nodiscard]] const Known& known(std::int64_t prefix) const;
  void remember(const WorkloadRequest& request, std::size_t node);

  FleetRouting routing_;
  std::uint64_t seed_;
  std::uint64_t num_placed_ = 0;
  std::vector<Known> known_;  // by a hash of the prefix's name; the latest of two is kept
};

}  // namespace troupe::simulation
