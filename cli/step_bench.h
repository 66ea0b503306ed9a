// Whole steps of a device, decode and prefill, through the port that workers use: no actors, no
// sockets, no scheduler.
#pragma once

#include "cli/assembly.h"
#include "engine/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

/// What is measured. Lists may be empty; their numbers are at least 1.
struct StepBenchPlan {
  std::vector<std::int32_t> batches = {1, 2, 4, 8, 16, 32};  // sequences of a decode step
  std::int32_t context = 512;                                // keys before the first decode step
  std::vector<std::int32_t> prefills = {512, 2048};          // tokens of one prompt
  std::int32_t num_rounds = 5;                               // each measures everything once
};

enum class StepPhase : std::uint8_t { decode, prefill };

[[nodiscard]] std::string_view to_string(StepPhase phase);

/// One line of the result. Milliseconds are those of a step, for a prefill of its whole prompt.
struct StepFigures {
  StepPhase phase = StepPhase::decode;
  std::int32_t batch = 1;
  std::int32_t context = 0;      // of a prefill: the prompt
  std::int32_t num_tokens = 0;   // of one step
  std::vector<double> round_ms;  // the mean of each round, ascending

  [[nodiscard]] double median_ms() const;

  [[nodiscard]] double tokens_per_second(double ms) const { return num_tokens / ms * 1e3; }
};

struct StepReport {
  std::string device;
  std::vector<StepFigures> rows;
  std::vector<std::int32_t> too_long;  // prefills beyond the model's length, which were left out
};

/// Makes the device that `options` ask for, with as many KV blocks as the plan needs, and runs the
/// plan. A step is waited for before the next is enqueued. Sequences have real keys and values,
/// each its own blocks. Errors: those of the loader and of the device; `invalid_value` when the
/// context leaves the model no room for a token.
[[nodiscard]] Result<StepReport> measure_steps(AssemblyOptions options, const StepBenchPlan& plan);

}  // namespace troupe::cli
