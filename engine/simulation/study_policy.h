// The ways of sharing a device that the study compares, by name: a scheduling policy with the
// numbers that make it what the name says.
#pragma once

#include "engine/api/engine_config.h"
#include "engine/memory/memory_config.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace troupe::simulation {

/// Whether the step is paid for as a padded engine pays it.
enum class Padding : std::uint8_t { none, to_longest };

/// How much of its KV memory the device gives to a run.
enum class KvSupply : std::uint8_t { all, scarce };

struct StudyPolicy {
  std::string_view name;
  std::string_view meaning;  // one line for the reader
  SchedulingPolicy scheduling = SchedulingPolicy::fcfs;
  Padding padding = Padding::none;
  KvSupply supply = KvSupply::all;
  AdmissionMode admission = AdmissionMode::on_demand;
  PreemptionMode preemption = PreemptionMode::automatic;
  std::int32_t step_tokens = 0;         // 0: as many as a whole batch of prompts has
  std::int32_t max_prefill_tokens = 0;  // 0: no cap
  bool prefix_cache = false;
};

/// In the order of the study's tables.
[[nodiscard]] const std::vector<StudyPolicy>& study_policies();

/// Null when there is none of that name.
[[nodiscard]] const StudyPolicy* find_study_policy(std::string_view name);

}  // namespace troupe::simulation
