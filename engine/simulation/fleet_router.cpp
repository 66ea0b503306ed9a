#include "engine/simulation/fleet_router.h"

#include "engine/base/check.h"
#include "engine/base/random.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace troupe::simulation {
namespace {

constexpr std::size_t kMaxKnownPrefixes = std::size_t{1} << 22U;
/// A node that has a quarter more than its share, and a few, is not sent more for a prefix's sake.
constexpr double kMostOverShare = 1.25;
constexpr std::int32_t kMostOverRequests = 8;
/// So much of a prompt must be known at a node: a beginning that everybody has would lead them all
/// to one.
constexpr double kLeastKnownShare = 0.5;

bool better(const NodeLoad& left, const NodeLoad& right) {
  return left.up != right.up ? left.up : left.num_requests < right.num_requests;
}

std::size_t least_loaded(std::span<const NodeLoad> nodes) {
  const auto least = std::ranges::min_element(nodes, better);
  return static_cast<std::size_t>(least - nodes.begin());
}

std::int32_t most_for_affinity(std::span<const NodeLoad> nodes) {
  std::int64_t sum = 0;
  std::int64_t num_up = 0;
  for (const auto& node : nodes) {
    sum += node.up ? node.num_requests : 0;
    num_up += node.up ? 1 : 0;
  }
  const auto share = static_cast<double>(sum) / static_cast<double>(num_up);
  return static_cast<std::int32_t>(share * kMostOverShare) + kMostOverRequests;
}

}  // namespace

FleetRouter::FleetRouter(FleetRouting routing, std::uint64_t seed)
    : routing_(routing),
      seed_(seed),
      known_(routing == FleetRouting::prefix_affinity ? kMaxKnownPrefixes : 0) {}

std::size_t FleetRouter::place(const WorkloadRequest& request, std::span<const NodeLoad> nodes) {
  TROUPE_CHECK(std::ranges::any_of(nodes, &NodeLoad::up), "no node is up");
  ++num_placed_;
  switch (routing_) {
    case FleetRouting::round_robin:
      return next_in_turn(nodes);
    case FleetRouting::two_choices:
      return better_of_two(nodes);
    case FleetRouting::prefix_affinity: {
      const auto node = where_prefix_is(request, nodes);
      remember(request, node);
      return node;
    }
    case FleetRouting::least_loaded:
      break;
  }
  return least_loaded(nodes);
}

std::size_t FleetRouter::next_in_turn(std::span<const NodeLoad> nodes) {
  auto node = num_placed_ % nodes.size();
  while (!nodes[node].up) {
    node = (node + 1) % nodes.size();
  }
  return node;
}

std::size_t FleetRouter::better_of_two(std::span<const NodeLoad> nodes) {
  const auto one = random_bits(seed_, 2 * num_placed_) % nodes.size();
  const auto other = random_bits(seed_, 2 * num_placed_ + 1) % nodes.size();
  const auto chosen = better(nodes[other], nodes[one]) ? other : one;
  return nodes[chosen].up ? chosen : least_loaded(nodes);
}

std::size_t FleetRouter::where_prefix_is(const WorkloadRequest& request,
                                         std::span<const NodeLoad> nodes) const {
  const auto& names = request.prefix_blocks;
  const auto most = most_for_affinity(nodes);
  const auto least =
      static_cast<std::size_t>(std::ceil(kLeastKnownShare * static_cast<double>(names.size())));
  for (auto count = names.size(); count > 0 && count >= least; --count) {
    const auto name = names[count - 1];
    const auto& entry = known(name);
    if (entry.node < 0 || entry.prefix != name) {
      continue;
    }
    const auto& node = nodes[static_cast<std::size_t>(entry.node)];
    if (node.up && node.num_requests <= most) {
      return static_cast<std::size_t>(entry.node);
    }
  }
  return least_loaded(nodes);
}

const FleetRouter::Known& FleetRouter::known(std::int64_t prefix) const {
  return known_[mix(static_cast<std::uint64_t>(prefix)) % known_.size()];
}

void FleetRouter::remember(const WorkloadRequest& request, std::size_t node) {
  for (const auto name : request.prefix_blocks) {
    known_[mix(static_cast<std::uint64_t>(name)) % known_.size()] =
        Known{name, static_cast<std::int32_t>(node)};
  }
}

}  // namespace troupe::simulation
