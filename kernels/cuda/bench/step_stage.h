// Sequences of a measurement, as a worker's backend sees them.
#pragma once

#include "engine/step/backend.h"
#include "kernels/cuda/bench/stopwatch.h"

#include <cstdint>
#include <vector>

namespace troupe::cuda {

/// What a stage seats, in the seats and blocks from 0 on.
struct StageShape {
  std::int32_t num_sequences = 0;
  std::int32_t prompt_length = 0;
  std::int32_t num_decoded = 0;  // tokens that each sequence may decode
  std::int32_t chunk = 0;        // tokens of one more sequence that does not decode; 0: none
};

/// Sequences with random prompts of one length; they and their blocks replace those of the stage
/// before. A measurement that fails throws.
class Stage {
 public:
  Stage(Backend& backend, const StageShape& shape);

  /// Computes all prompts, at most `max_tokens` a step; the device's milliseconds of each step.
  std::vector<double> prefill(std::int32_t max_tokens);

  /// Enqueues a step in which every sequence decodes a token and the chunk, if there is one, is
  /// computed anew. Prompts that were not computed count as cached: their blocks hold what an
  /// earlier stage left there.
  void enqueue_step();

  /// Waits for the oldest step: the device's milliseconds.
  double wait();

 private:
  void seat(std::int32_t seat, std::int32_t prompt_length, std::int32_t length);
  void enqueue();

  Backend& backend_;
  StageShape shape_;
  std::int32_t position_;  // that the next decode step computes
  std::int32_t next_block_ = 0;
  StepPlan plan_;
};

/// Steps of a stage before the measurement: the first runs eagerly, the second is recorded.
inline constexpr std::int32_t kWarmUpSteps = 3;

struct StepTimes {
  double wall_ms = 0.0;    // mean, from step to step
  double device_ms = 0.0;  // median
};

/// Runs `num_warm_up` steps and then `num_timed`, two in flight, as a worker does.
[[nodiscard]] StepTimes time_steps(Stage& stage, std::int32_t num_warm_up, std::int32_t num_timed);

[[nodiscard]] double median(std::vector<double> values);

}  // namespace troupe::cuda
