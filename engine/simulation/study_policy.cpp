#include "engine/simulation/study_policy.h"

#include <algorithm>

namespace troupe::simulation {
namespace {

// The serving default of a step's tokens, and a prefill share that keeps a step near 20 ms on the
// calibrated device.
constexpr std::int32_t kStepTokens = 2048;
constexpr std::int32_t kPrefillCap = 512;

std::vector<StudyPolicy> make_policies() {
  const StudyPolicy chunked{.name = "chunked",
                            .meaning = "continuous, prompts in chunks: 2,048 tokens a step",
                            .step_tokens = kStepTokens};
  const auto like_chunked = [&](std::string_view name, std::string_view meaning,
                                SchedulingPolicy scheduling) {
    auto policy = chunked;
    policy.name = name;
    policy.meaning = meaning;
    policy.scheduling = scheduling;
    return policy;
  };
  // Whoever loses his seat finds what he has computed in the prefix cache, while there is room.
  const auto displacing = [&](std::string_view name, std::string_view meaning,
                              SchedulingPolicy scheduling) {
    auto policy = like_chunked(name, meaning, scheduling);
    policy.prefix_cache = true;
    return policy;
  };
  const auto scarce = [&](std::string_view name, std::string_view meaning, AdmissionMode admission,
                          PreemptionMode preemption) {
    auto policy = like_chunked(name, meaning, SchedulingPolicy::fcfs);
    policy.supply = KvSupply::scarce;
    policy.admission = admission;
    policy.preemption = preemption;
    return policy;
  };
  auto capped =
      like_chunked("capped", "chunked, at most 512 prompt tokens a step", SchedulingPolicy::fcfs);
  capped.max_prefill_tokens = kPrefillCap;
  auto cached =
      like_chunked("prefix-cache", "chunked, equal beginnings shared", SchedulingPolicy::fcfs);
  cached.prefix_cache = true;
  return {
      {.name = "static",
       .meaning = "padded batches by arrival; nobody joins before all have ended",
       .scheduling = SchedulingPolicy::static_batch,
       .padding = Padding::to_longest},
      {.name = "static-bucketed",
       .meaning = "the same, batches of similar length (lengths known beforehand)",
       .scheduling = SchedulingPolicy::static_bucketed,
       .padding = Padding::to_longest},
      {.name = "continuous", .meaning = "whoever waits joins at every step; whole prompts"},
      chunked,
      capped,
      displacing("priority", "chunked, urgent ones first, taking seats",
                 SchedulingPolicy::priority),
      displacing("aging", "the same, but waiting earns priority", SchedulingPolicy::aging),
      displacing("mlfq", "chunked, short ones first without knowing lengths",
                 SchedulingPolicy::mlfq),
      cached,
      scarce("reserve", "chunked, scarce memory, each admitted with all its blocks",
             AdmissionMode::reserve, PreemptionMode::automatic),
      scarce("preempt-recompute", "chunked, scarce memory, victims are computed anew",
             AdmissionMode::on_demand, PreemptionMode::recompute),
      scarce("preempt-swap", "chunked, scarce memory, victims move to the host's memory",
             AdmissionMode::on_demand, PreemptionMode::swap),
  };
}

}  // namespace

const std::vector<StudyPolicy>& study_policies() {
  static const std::vector<StudyPolicy> kPolicies = make_policies();
  return kPolicies;
}

const StudyPolicy* find_study_policy(std::string_view name) {
  const auto& all = study_policies();
  const auto found = std::ranges::find(all, name, &StudyPolicy::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace troupe::simulation
