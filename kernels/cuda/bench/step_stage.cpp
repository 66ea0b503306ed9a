#include "kernels/cuda/bench/step_stage.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <utility>

namespace troupe::cuda {

Stage::Stage(Backend& backend, const StageShape& shape)
    : backend_(backend), shape_(shape), position_(shape.prompt_length - 1) {
  must(backend_.begin_ring({}));
  for (std::int32_t index = 0; index < shape.num_sequences; ++index) {
    seat(index, shape.prompt_length, shape.prompt_length + shape.num_decoded);
  }
  if (shape.chunk > 0) {
    // A token more than is computed: the chunk never samples, so it can be computed again.
    seat(shape.num_sequences, shape.chunk + 1, shape.chunk + 1);
  }
}

void Stage::seat(std::int32_t seat, std::int32_t prompt_length, std::int32_t length) {
  const auto& limits = backend_.description();
  std::mt19937 random(static_cast<unsigned>(seat));
  auto start = std::make_shared<SequenceStart>();
  for (std::int32_t token = 0; token < prompt_length; ++token) {
    start->tokens.push_back(
        static_cast<TokenId>(random() % static_cast<unsigned>(limits.vocab_size)));
  }
  start->num_prompt_tokens = prompt_length;
  start->sampling.temperature = 0.0F;
  plan_.seats_taken.push_back({seat, std::move(start)});
  TableGrowth growth{seat, {}};
  for (std::int32_t token = 0; token < length; token += limits.block_size) {
    growth.blocks.push_back(BlockId{next_block_++});
  }
  plan_.table_growth.push_back(std::move(growth));
}

std::vector<double> Stage::prefill(std::int32_t max_tokens) {
  std::vector<double> times;
  std::int32_t room = max_tokens;
  const auto finish_step = [&] {
    enqueue();
    times.push_back(wait());
    room = max_tokens;
  };
  for (std::int32_t index = 0; index < shape_.num_sequences; ++index) {
    for (std::int32_t begin = 0; begin < shape_.prompt_length;) {
      const auto end = std::min(begin + room, shape_.prompt_length);
      plan_.rows.push_back({index, begin, end, end == shape_.prompt_length});
      room -= end - begin;
      begin = end;
      if (room == 0) {
        finish_step();
      }
    }
  }
  if (!plan_.rows.empty()) {
    finish_step();
  }
  position_ = shape_.prompt_length;
  return times;
}

void Stage::enqueue_step() {
  for (std::int32_t index = 0; index < shape_.num_sequences; ++index) {
    plan_.rows.push_back({index, position_, position_ + 1, true});
  }
  ++position_;
  if (shape_.chunk > 0) {
    plan_.rows.push_back({shape_.num_sequences, 0, shape_.chunk, false});
  }
  enqueue();
}

double Stage::wait() {
  const auto result = must(backend_.wait());
  return std::chrono::duration<double, std::milli>(result.device_time).count();
}

void Stage::enqueue() {
  must(backend_.enqueue(std::make_shared<const StepPlan>(std::exchange(plan_, {}))));
}

StepTimes time_steps(Stage& stage, std::int32_t num_warm_up, std::int32_t num_timed) {
  stage.enqueue_step();
  std::vector<double> device;
  auto begin = std::chrono::steady_clock::now();
  for (std::int32_t step = 1; step < num_warm_up + num_timed; ++step) {
    stage.enqueue_step();
    const auto ms = stage.wait();
    if (step < num_warm_up) {
      begin = std::chrono::steady_clock::now();
    } else {
      device.push_back(ms);
    }
  }
  const auto taken = std::chrono::steady_clock::now() - begin;
  stage.wait();
  return {.wall_ms = std::chrono::duration<double, std::milli>(taken).count() / num_timed,
          .device_ms = median(std::move(device))};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace troupe::cuda
