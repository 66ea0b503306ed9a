#include "kernels/cuda/matmul_tuning.h"

#include "kernels/cuda/convert.h"
#include "kernels/cuda/status.h"
#include "kernels/cuda/stream.h"
#include "kernels/decoder/prefill_cost.h"

#include <cstddef>
#include <vector>

namespace troupe::cuda {
namespace {

// Of a prefill step, the share of the time that matrix products take: `cuda_bench calibrate`, steps
// of 2,048 tokens on an H200.
constexpr double kMatmulShare = 0.75;

// The matrices of one kind, a layer each.
std::vector<const Bf16*> matrices(const CudaModel& model, const Bf16* CudaLayer::*kind) {
  std::vector<const Bf16*> all;
  for (const auto& layer : model.layers) {
    all.push_back(layer.*kind);
  }
  return all;
}

Result<void> tune(Matmul& matmul, Bf16* x, const MatmulTrial& trial, cudaStream_t stream) {
  const auto count = std::int64_t{trial.args.num_rows} * trial.args.num_inputs;
  if (auto filled = fill_random(x, count, 1.0F, 0, stream); !filled) {
    return filled;
  }
  return matmul.prepare(trial, stream);
}

}  // namespace

Result<void> tune_matmuls(Matmul& matmul,
                          const CudaModel& model,
                          const Activations& activations,
                          const ActivationLimits& limits,
                          cudaStream_t stream) {
  const auto& spec = model.spec;
  const auto query = spec.num_heads * spec.head_size;

  const struct {
    Bf16* x;
    void* y;
    std::int32_t num_outputs;
    std::int32_t num_inputs;
    std::vector<const Bf16*> weights;
  } products[] = {
      {activations.normed, activations.qkv, model.qkv_size(), spec.hidden_size,
       matrices(model, &CudaLayer::qkv)},
      {activations.attended, activations.delta, spec.hidden_size, query,
       matrices(model, &CudaLayer::o)},
      {activations.normed, activations.gate_up, 2 * spec.intermediate_size, spec.hidden_size,
       matrices(model, &CudaLayer::gate_up)},
      {activations.activated, activations.delta, spec.hidden_size, spec.intermediate_size,
       matrices(model, &CudaLayer::down)},
  };

  for (const auto& product : products) {
    const MatmulTrial trial{.args = {.x = product.x,
                                     .weight = nullptr,
                                     .y = product.y,
                                     .num_rows = limits.num_tokens,
                                     .num_outputs = product.num_outputs,
                                     .num_inputs = product.num_inputs},
                            .weights = product.weights};
    if (auto tuned = tune(matmul, product.x, trial, stream); !tuned) {
      return tuned;
    }
  }
  const std::vector<const Bf16*> head = {model.lm_head};
  const MatmulTrial trial{.args = {.x = activations.sample_normed,
                                   .weight = nullptr,
                                   .y = activations.logits,
                                   .num_rows = limits.num_seats,
                                   .num_outputs = spec.vocab_size,
                                   .num_inputs = spec.hidden_size,
                                   .output = MatmulOutput::float32},
                          .weights = head};
  return tune(matmul, activations.sample_normed, trial, stream);
}

Result<double> measure_prefill_rate(Matmul& matmul,
                                    const CudaModel& model,
                                    const Activations& activations,
                                    const ActivationLimits& limits,
                                    cudaStream_t stream) {
  const auto& spec = model.spec;
  const auto begin = make_event();
  const auto end = make_event();
  if (!begin || !end) {
    return fail(ErrorCode::device, "no event to time a matmul with");
  }
  const MatmulArgs args{.x = activations.normed,
                        .weight = model.layers.front().gate_up,
                        .y = activations.gate_up,
                        .num_rows = limits.num_tokens,
                        .num_outputs = 2 * spec.intermediate_size,
                        .num_inputs = spec.hidden_size};
  static_cast<void>(cudaEventRecord(begin->get(), stream));
  if (auto multiplied = matmul.run(args, stream); !multiplied) {
    return pass(std::move(multiplied));
  }
  static_cast<void>(cudaEventRecord(end->get(), stream));
  if (auto waited = check(cudaEventSynchronize(end->get()), "a matmul"); !waited) {
    return pass(std::move(waited));
  }
  const auto ms = elapsed_ms(*begin, *end);
  if (!ms) {
    return tl::unexpected(ms.error());
  }
  const auto operations = 2.0 * args.num_rows * args.num_outputs * args.num_inputs;
  return kMatmulShare * operations / static_cast<double>(*ms) * 1e3 / operations_per_token(spec);
}

}  // namespace troupe::cuda
