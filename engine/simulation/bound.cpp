#include "engine/simulation/bound.h"

#include "engine/base/check.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

namespace troupe::simulation {
namespace {

void check_slots(std::int32_t num_slots) {
  TROUPE_CHECK(num_slots > 0, "no slots to run on");
}

/// Calls `visit` with each batch in turn.
template <class Visit>
void for_each_batch(std::span<const std::int32_t> lengths, std::int32_t num_slots, Visit visit) {
  check_slots(num_slots);
  const auto width = static_cast<std::size_t>(num_slots);
  for (std::size_t begin = 0; begin < lengths.size(); begin += width) {
    visit(lengths.subspan(begin, std::min(width, lengths.size() - begin)));
  }
}

std::int64_t sum_of(std::span<const std::int32_t> lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
}

}  // namespace

std::int64_t list_scheduling_steps(std::span<const std::int32_t> lengths, std::int32_t num_slots) {
  check_slots(num_slots);
  // When each slot is free; the soonest on top.
  std::vector<std::int64_t> slots(static_cast<std::size_t>(num_slots), 0);
  std::int64_t last = 0;
  for (const auto length : lengths) {
    std::ranges::pop_heap(slots, std::greater<>());
    slots.back() += length;
    last = std::max(last, slots.back());
    std::ranges::push_heap(slots, std::greater<>());
  }
  return last;
}

std::int64_t static_steps(std::span<const std::int32_t> lengths, std::int32_t num_slots) {
  std::int64_t steps = 0;
  for_each_batch(lengths, num_slots, [&](auto batch) { steps += std::ranges::max(batch); });
  return steps;
}

std::int64_t least_steps(std::span<const std::int32_t> lengths, std::int32_t num_slots) {
  check_slots(num_slots);
  if (lengths.empty()) {
    return 0;
  }
  const auto full = (sum_of(lengths) + num_slots - 1) / num_slots;
  return std::max<std::int64_t>(full, std::ranges::max(lengths));
}

std::int64_t idle_slot_steps(std::span<const std::int32_t> lengths, std::int32_t num_slots) {
  std::int64_t idle = 0;
  for_each_batch(lengths, num_slots, [&](auto batch) {
    idle += static_cast<std::int64_t>(batch.size()) * std::ranges::max(batch) - sum_of(batch);
  });
  return idle;
}

double padding_bytes(std::int32_t batch, double longest, double mean, double kv_bytes_per_token) {
  return batch * (longest - mean) * kv_bytes_per_token;
}

double offered_load(double arrivals_per_second,
                    double steps_of_request,
                    std::int32_t batch,
                    Duration step_time) {
  TROUPE_CHECK(batch > 0, "a batch of nobody");
  return arrivals_per_second * steps_of_request / batch * in_seconds(step_time);
}

}  // namespace troupe::simulation
