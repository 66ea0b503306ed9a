// What no scheduler can beat: how much continuous batching can gain over static batching when every
// step costs the same, and what padding and waiting for the longest cost in expectation. Counts
// steps and tokens; knows no engine.
#pragma once

#include "engine/base/time.h"

#include <cstdint>
#include <span>

namespace troupe::simulation {

/// The steps of continuous batching: each request in turn takes the slot that is free first
/// (Graham's list scheduling, 1966). Checked: `num_slots` > 0. Costs O(n log slots).
[[nodiscard]] std::int64_t list_scheduling_steps(std::span<const std::int32_t> lengths,
                                                 std::int32_t num_slots);

/// The steps of static batching: each `num_slots` requests in turn run until the longest of them
/// has ended. Checked: `num_slots` > 0.
[[nodiscard]] std::int64_t static_steps(std::span<const std::int32_t> lengths,
                                        std::int32_t num_slots);

/// No order of the list needs fewer steps: all slots full, and no less than the longest.
[[nodiscard]] std::int64_t least_steps(std::span<const std::int32_t> lengths,
                                       std::int32_t num_slots);

/// Σ over batches (longest · members − sum of members): slots that compute for nobody.
[[nodiscard]] std::int64_t idle_slot_steps(std::span<const std::int32_t> lengths,
                                           std::int32_t num_slots);

/// Bytes of KV cache that one static batch holds for padding: batch · (longest − mean) · bytes of a
/// token.
[[nodiscard]] double padding_bytes(std::int32_t batch,
                                   double longest,
                                   double mean,
                                   double kv_bytes_per_token);

/// Arrivals a second · steps of one request / batch: the steps of work that come in for one slot
/// in a second, times the time of a step. With the mean length for continuous batching, with the
/// longest for static. At 1 and beyond, the queue grows without end.
[[nodiscard]] double offered_load(double arrivals_per_second,
                                  double steps_of_request,
                                  std::int32_t batch,
                                  Duration step_time);

}  // namespace troupe::simulation
