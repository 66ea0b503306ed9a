// Whole steps through the backend, as a worker drives it: two in flight, tokens fed on the device.
#include "kernels/cuda/bench/bench.h"
#include "kernels/cuda/bench/step_stage.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

namespace troupe::cuda {
namespace {

constexpr std::int32_t kDecodeSteps = 32;

void bench_decode(Backend& backend,
                  const ModelSpec& spec,
                  std::int32_t batch,
                  const StepBench& what,
                  const Ceilings& ceilings) {
  Stage stage(backend, {.num_sequences = batch,
                        .prompt_length = what.context - kDecodeSteps / 2,
                        .num_decoded = kDecodeSteps + kWarmUpSteps});
  stage.prefill(what.prefill_tokens);
  const auto [wall, device] = time_steps(stage, kWarmUpSteps, kDecodeSteps);
  const auto kv = kv_bytes_per_token(spec) * batch * what.context;
  const auto floor = (weight_bytes(spec) + kv) / ceilings.read_bytes_per_ms;
  fmt::print(
      "decode batch {:>4} context {}: {:>8.3f} ms device, {:>8.3f} ms wall, floor {:>8.3f} "
      "ms, ratio {:.2f}, {:>8.0f} tokens/s\n",
      batch, what.context, device, wall, floor, wall / floor, batch / wall * 1e3);
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
    Stage stage(*backend, {.num_sequences = 1, .prompt_length = what.prefill_tokens});
    times.push_back(stage.prefill(what.prefill_tokens).front());
  }
  const double tokens = what.prefill_tokens;
  const double flops = tokens * flops_per_token(spec) +
                       2.0 * tokens * tokens * spec.num_heads * spec.head_size * spec.num_layers;
  const auto ms = median(times);
  fmt::print("prefill {} tokens: {:.2f} ms, floor {:.2f} ms, ratio {:.2f}, {:.0f} tokens/s\n",
             what.prefill_tokens, ms, flops / ceilings.flops_per_ms,
             ms * ceilings.flops_per_ms / flops, tokens / ms * 1e3);
}

}  // namespace troupe::cuda
