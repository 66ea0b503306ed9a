// Whole steps through the backend, as a worker drives it: two in flight, tokens fed on the device.
#include "kernels/cuda/bench/bench.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <utility>

namespace troupe::cuda {
namespace {

constexpr std::int32_t kDecodeSteps = 32;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Sequences with prompts of one length, in the seats from 0 on.
class Stage {
 public:
  Stage(Backend& backend, std::int32_t num_sequences, std::int32_t prompt_length)
      : backend_(backend), num_sequences_(num_sequences), prompt_length_(prompt_length) {
    must(backend_.begin_ring({}));
    const auto length = prompt_length + kDecodeSteps + 1;
    std::mt19937 random(1);
    for (std::int32_t seat = 0; seat < num_sequences; ++seat) {
      auto start = std::make_shared<SequenceStart>();
      for (std::int32_t token = 0; token < prompt_length; ++token) {
        start->tokens.push_back(static_cast<TokenId>(
            random() % static_cast<unsigned>(backend.description().vocab_size)));
      }
      start->num_prompt_tokens = prompt_length;
      start->sampling.temperature = 0.0F;
      plan_.seats_taken.push_back({seat, std::move(start)});
      TableGrowth growth{seat, {}};
      for (std::int32_t token = 0; token < length; token += 16) {
        growth.blocks.push_back(BlockId{next_block_++});
      }
      plan_.table_growth.push_back(std::move(growth));
    }
  }

  // Computes all prompts; returns the device's milliseconds of each step.
  std::vector<double> prefill(std::int32_t max_tokens) {
    std::vector<double> times;
    std::int32_t room = max_tokens;
    for (std::int32_t seat = 0; seat < num_sequences_; ++seat) {
      for (std::int32_t begin = 0; begin < prompt_length_;) {
        const auto end = std::min(begin + room, prompt_length_);
        plan_.rows.push_back({seat, begin, end, end == prompt_length_});
        room -= end - begin;
        begin = end;
        if (room == 0) {
          times.push_back(finish_step());
          room = max_tokens;
        }
      }
    }
    if (!plan_.rows.empty()) {
      times.push_back(finish_step());
    }
    return times;
  }

  // One decode step of everybody.
  void enqueue_decode() {
    const auto position = prompt_length_ + num_decoded_++;
    for (std::int32_t seat = 0; seat < num_sequences_; ++seat) {
      plan_.rows.push_back({seat, position, position + 1, true});
    }
    enqueue();
  }

  double wait() {
    const auto result = must(backend_.wait());
    return std::chrono::duration<double, std::milli>(result.device_time).count();
  }

 private:
  void enqueue() {
    must(backend_.enqueue(std::make_shared<const StepPlan>(std::exchange(plan_, {}))));
  }

  double finish_step() {
    enqueue();
    return wait();
  }

  Backend& backend_;
  std::int32_t num_sequences_;
  std::int32_t prompt_length_;
  std::int32_t num_decoded_ = 0;
  std::int32_t next_block_ = 0;
  StepPlan plan_;
};

double weight_bytes(const ModelSpec& spec) {
  const double hidden = spec.hidden_size;
  const double query = static_cast<double>(spec.num_heads) * spec.head_size;
  const double key = static_cast<double>(spec.num_kv_heads) * spec.head_size;
  const double layer =
      hidden * (query + 2 * key) + query * hidden + 3.0 * hidden * spec.intermediate_size;
  return 2.0 * (layer * spec.num_layers + hidden * spec.vocab_size);
}

void bench_decode(Backend& backend,
                  const ModelSpec& spec,
                  std::int32_t batch,
                  const StepBench& what,
                  const Ceilings& ceilings) {
  Stage stage(backend, batch, what.context - kDecodeSteps / 2);
  stage.prefill(what.prefill_tokens);
  std::vector<double> device;
  stage.enqueue_decode();
  const auto begin = std::chrono::steady_clock::now();
  for (std::int32_t step = 1; step < kDecodeSteps; ++step) {
    stage.enqueue_decode();
    device.push_back(stage.wait());
  }
  const auto taken = std::chrono::steady_clock::now() - begin;
  stage.wait();
  const auto wall = std::chrono::duration<double, std::milli>(taken).count() / (kDecodeSteps - 1);
  const double kv =
      4.0 * batch * what.context * spec.num_kv_heads * spec.head_size * spec.num_layers;
  const auto floor = (weight_bytes(spec) + kv) / ceilings.read_bytes_per_ms;
  fmt::print(
      "decode batch {:>4} context {}: {:>8.3f} ms device, {:>8.3f} ms wall, floor {:>8.3f} "
      "ms, ratio {:.2f}, {:>8.0f} tokens/s\n",
      batch, what.context, median(device), wall, floor, wall / floor, batch / wall * 1e3);
}

}  // namespace

void bench_steps(const ModelSpec& spec, const StepBench& what, const Ceilings& ceilings) {
  const auto seconds_since = [](std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const auto largest = *std::max_element(what.batches.begin(), what.batches.end());
  auto begin = std::chrono::steady_clock::now();
  const auto model = must(make_random_model(spec, 0, 7));
  fmt::print("random weights on the device in {:.1f} s\n", seconds_since(begin));
  begin = std::chrono::steady_clock::now();
  const auto per_sequence = (std::max(what.context, what.prefill_tokens) + 2 * kDecodeSteps) / 16;
  const CudaOptions options{
      .num_blocks = largest * ((what.context + kDecodeSteps) / 16 + 1) + per_sequence,
      .max_num_seqs = largest,
      .max_num_batched_tokens = what.prefill_tokens,
      .max_model_len = what.prefill_tokens + 2 * kDecodeSteps};
  const auto backend = must(make_cuda_backend(model, options));
  fmt::print("backend made in {:.1f} s\n", seconds_since(begin));
  for (const auto batch : what.batches) {
    bench_decode(*backend, spec, batch, what, ceilings);
  }
  std::vector<double> times;
  for (int repeat = 0; repeat < 3; ++repeat) {
    Stage stage(*backend, 1, what.prefill_tokens);
    times.push_back(stage.prefill(what.prefill_tokens).front());
  }
  const double tokens = what.prefill_tokens;
  const double flops = tokens * (weight_bytes(spec) - 2.0 * spec.hidden_size * spec.vocab_size) +
                       2.0 * tokens * tokens * spec.num_heads * spec.head_size * spec.num_layers;
  const auto ms = median(times);
  fmt::print("prefill {} tokens: {:.2f} ms, floor {:.2f} ms, ratio {:.2f}, {:.0f} tokens/s\n",
             what.prefill_tokens, ms, flops / ceilings.flops_per_ms,
             ms * ceilings.flops_per_ms / flops, tokens / ms * 1e3);
}

}  // namespace troupe::cuda
