// How an engine shares its device among its requests: the policy and its numbers.
#pragma once

#include "engine/base/time.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe {

/// Who goes first. Each is explained, with its bounds, under `engine/scheduling/policies/`.
enum class SchedulingPolicy : std::uint8_t {
  fcfs,             // by arrival
  priority,         // by priority, then by arrival
  aging,            // by priority, but waiting earns priority: nobody starves
  mlfq,             // short jobs first, without knowing lengths: skip-join multi-level feedback
  fair,             // by the service each tenant has had
  deadline,         // by deadline; who cannot make it is refused
  static_batch,     // the baseline: nobody joins a batch before all of it has ended
  static_bucketed,  // the same, with batches of similar length
};

/// What an admission must be sure of.
enum class AdmissionMode : std::uint8_t {
  on_demand,  // the blocks of its next chunk, and a reserve for those who run
  reserve,    // the blocks of its whole length: once admitted, never preempted for memory
};

/// What becomes of a preempted sequence's keys and values when their blocks are needed.
enum class PreemptionMode : std::uint8_t {
  automatic,  // what is cheaper, block by block
  recompute,  // they are computed anew
  swap,       // they move to the host's memory while there is room
};

struct SchedulingConfig {
  SchedulingPolicy policy = SchedulingPolicy::fcfs;
  AdmissionMode admission = AdmissionMode::on_demand;
  PreemptionMode preemption = PreemptionMode::automatic;

  /// Caps inside the budget of a step. 0: none but the budget.
  std::int32_t max_prefill_tokens = 0;
  std::int32_t max_decode_tokens = 0;
  /// The part of a step's budget that decodes leave to prefills when there are any.
  std::int32_t min_prefill_tokens = 16;
  /// The longest chunk of one prefill in one step, so that several share it. 0: no limit.
  std::int32_t long_prefill_token_threshold = 0;
  /// When set, a step's budget follows the measured times so that a decode waits no longer.
  std::optional<Duration> target_inter_token_latency;
  /// The part of all blocks that an admission leaves free beside running ones: [0, 1).
  double watermark = 0.01;

  /// aging: so much waiting is worth one level of priority.
  Duration aging_per_level = std::chrono::seconds(10);
  /// mlfq: the tokens of the first rung; each further rung has twice as many.
  std::int32_t mlfq_first_quantum = 512;
  std::int32_t mlfq_num_rungs = 8;
  /// mlfq: who has waited so long on a rung goes up to the first.
  Duration mlfq_promote_after = std::chrono::seconds(5);
};

/// The name under which a policy is chosen.
struct PolicyName {
  SchedulingPolicy policy;
  std::string_view name;
};

inline constexpr std::array<PolicyName, 8> kPolicyNames{{
    {SchedulingPolicy::fcfs, "fcfs"},
    {SchedulingPolicy::priority, "priority"},
    {SchedulingPolicy::aging, "aging"},
    {SchedulingPolicy::mlfq, "mlfq"},
    {SchedulingPolicy::fair, "fair"},
    {SchedulingPolicy::deadline, "deadline"},
    {SchedulingPolicy::static_batch, "static"},
    {SchedulingPolicy::static_bucketed, "static-bucketed"},
}};

}  // namespace troupe
