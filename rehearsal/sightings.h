// How often something happened in a run of rehearsals: one in which a branch was never taken has
// not tested it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::rehearsal {

/// What may be seen. Each must be, in a run that is long enough (`kSights`).
enum class Sight : std::uint8_t {
  message,
  request,
  finished_by_length,
  finished_by_token,
  finished_by_string,
  step,
  overlapped_step,
  chunked_prefill,
  prefix_hit,
  awaited_prefix,
  copy_on_write,
  eviction,
  deferral,
  preemption,
  displacement,
  swap_out,
  swap_in,
  empty_turn,
  discarded_row,
  late_token,
  priorities_compared,
  aged_past_priority,
  cancelled_early,
  cancelled_waiting,
  cancelled_running,
  cancelled_late,
  listener_left,
  request_killed,
  text_killed,
  archive_killed,
  router_killed,
  engine_killed,
  scheduler_killed,
  memory_killed,
  worker_killed,
  step_failed,
  step_threw,
  poisonous,
  condemned,
  new_ring,
  given_up,
  queue_full,
  never_fits,
  too_long,
  deadline_hopeless,
  deadline_passed,
  drained,
  refused_draining,
  early_curtain,
  fetched,
  attached,
  fcfs,
  priority,
  aging,
  mlfq,
  fair,
  deadline,
  static_batch,
  static_bucketed,
  reserved_admission,
  two_engines,
  last,  // not one of them
};

struct SightName {
  Sight sight;
  std::string_view name;
};

inline constexpr auto kNumSights = static_cast<std::size_t>(Sight::last);

/// All of them, in order, as a table shows them.
[[nodiscard]] const std::array<SightName, kNumSights>& sight_names();

class Sightings {
 public:
  void see(Sight sight, std::int64_t count = 1) { counts_[index_of(sight)] += count; }

  void add(const Sightings& other) {
    for (std::size_t index = 0; index < kNumSights; ++index) {
      counts_[index] += other.counts_[index];
    }
  }

  [[nodiscard]] std::int64_t count(Sight sight) const { return counts_[index_of(sight)]; }

  /// All counts, to be carried from one process to another.
  [[nodiscard]] const std::array<std::int64_t, kNumSights>& counts() const { return counts_; }

  [[nodiscard]] std::array<std::int64_t, kNumSights>& counts() { return counts_; }

 private:
  [[nodiscard]] static constexpr std::size_t index_of(Sight sight) {
    return static_cast<std::size_t>(sight);
  }

  std::array<std::int64_t, kNumSights> counts_{};
};

}  // namespace troupe::rehearsal
