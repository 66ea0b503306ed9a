// The bounds of the scheduler's policy.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe {

/// One step computes while the next is already enqueued: the device never waits for the host.
inline constexpr std::size_t kMaxStepsInFlight = 2;

/// A sequence preempted so often enters again only with the blocks for its whole length, and is
/// then never sacrificed: it ends.
inline constexpr std::int32_t kMaxPreemptions = 8;

/// So many later requests may be admitted before one that memory holds back; then nobody.
inline constexpr std::int32_t kMaxPasses = 32;

/// So many held-back requests are looked past for one that fits: a step's cost must not depend on
/// the length of the queue.
inline constexpr std::int32_t kMaxHeldBack = 8;

}  // namespace troupe
