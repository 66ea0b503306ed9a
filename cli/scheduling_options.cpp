#include "cli/scheduling_options.h"

#include "cli/command_line.h"

#include <cmath>
#include <functional>
#include <map>
#include <string>

namespace troupe::cli {
namespace {

constexpr const char* kScheduling = "Scheduling";
constexpr std::int64_t kMaxTokens = 131'072;
constexpr double kMaxSeconds = 86'400.0;
constexpr double kMaxMilliseconds = kMaxSeconds * 1000;

template <class Name>
CLI::Option* add_name(CLI::App& flags,
                      const std::string& flag,
                      Name& chosen,
                      const std::map<std::string, Name>& names,
                      const std::string& help) {
  return flags.add_option(flag, chosen, help)
      ->transform(CLI::CheckedTransformer(names).description(""))
      ->type_name("NAME")
      ->group(kScheduling);
}

// Kept as a duration; typed as a number of `unit`s.
void add_duration(CLI::App& flags,
                  const std::string& flag,
                  double most,
                  const std::string& unit,
                  const std::function<void(double)>& take,
                  const std::string& help) {
  flags.add_option_function<double>(flag, take, help)
      ->type_name(unit)
      ->check(CLI::Range(0.001, most).description(""))
      ->group(kScheduling);
}

Duration seconds(double count) {
  return Duration(std::llround(count * 1e9));
}

void add_policy(CLI::App& flags, SchedulingConfig& config) {
  std::map<std::string, SchedulingPolicy> policies;
  std::string all;
  for (const auto& [policy, name] : kPolicyNames) {
    policies.emplace(name, policy);
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  add_name(flags, "--scheduling-policy", config.policy, policies,
           "who goes first: " + all + " [fcfs]");
  add_duration(
      flags, "--aging-seconds-per-level", kMaxSeconds, "SECONDS",
      [&config](double count) { config.aging_per_level = seconds(count); },
      "aging: so much waiting is worth one level of priority [10]");
  add_number(flags, "--mlfq-first-quantum", config.mlfq_first_quantum,
             "mlfq: tokens of the first rung, doubled from rung to rung", {1, kMaxTokens})
      ->capture_default_str()
      ->group(kScheduling);
  add_number(flags, "--mlfq-rungs", config.mlfq_num_rungs, "mlfq: how many rungs there are",
             {1, 16})
      ->capture_default_str()
      ->group(kScheduling);
  add_duration(
      flags, "--mlfq-promote-seconds", kMaxSeconds, "SECONDS",
      [&config](double count) { config.mlfq_promote_after = seconds(count); },
      "mlfq: who has waited so long goes up to the first rung [5]");
}

void add_budgets(CLI::App& flags, SchedulingConfig& config) {
  add_number(flags, "--max-num-prefill-tokens", config.max_prefill_tokens,
             "prompt tokens in one step; 0: what the step holds", {0, kMaxTokens})
      ->capture_default_str()
      ->group(kScheduling);
  add_number(flags, "--max-num-decode-tokens", config.max_decode_tokens,
             "generated tokens in one step; 0: what the step holds", {0, kMaxTokens})
      ->capture_default_str()
      ->group(kScheduling);
  add_number(flags, "--min-num-prefill-tokens", config.min_prefill_tokens,
             "of a step, kept for prompts while any are there", {0, kMaxTokens})
      ->capture_default_str()
      ->group(kScheduling);
  add_number(flags, "--long-prefill-token-threshold", config.long_prefill_token_threshold,
             "tokens of one prompt in one step; 0: no limit", {0, kMaxTokens})
      ->capture_default_str()
      ->group(kScheduling);
  add_duration(
      flags, "--target-itl-ms", kMaxMilliseconds, "MILLISECONDS",
      [&config](double count) { config.target_inter_token_latency = seconds(count / 1000); },
      "prompts get what a step of this length leaves them; default: no target");
}

void add_memory(CLI::App& flags, SchedulingConfig& config) {
  add_name(flags, "--admission", config.admission,
           {{"on-demand", AdmissionMode::on_demand}, {"reserve", AdmissionMode::reserve}},
           "on-demand: blocks as they are needed; reserve: for the whole length [on-demand]");
  flags.add_option("--watermark", config.watermark, "part of the KV blocks kept from admissions")
      ->check(CLI::Range(0.0, 0.99).description(""))
      ->type_name("PART")
      ->capture_default_str()
      ->group(kScheduling);
  add_name(flags, "--preempt", config.preemption,
           {{"auto", PreemptionMode::automatic},
            {"recompute", PreemptionMode::recompute},
            {"swap", PreemptionMode::swap}},
           "auto, recompute, swap: what becomes of preempted KV blocks; see --swap-space [auto]");
}

}  // namespace

void add_scheduling_options(CLI::App& flags, SchedulingConfig& config) {
  add_policy(flags, config);
  add_budgets(flags, config);
  add_memory(flags, config);
}

}  // namespace troupe::cli
