// The measurements of cuda_bench.
#pragma once

#include "engine/model/model_spec.h"
#include "kernels/cuda/bench/stopwatch.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::cuda {

/// LLaMA-7B: multi-head attention, 512 KiB of keys and values a token.
[[nodiscard]] ModelSpec llama_7b();
/// Llama-3-8B: eight KV heads for 32 query heads.
[[nodiscard]] ModelSpec llama_3_8b();

/// Weights that a decode step reads: the layers' matrices and the vocabulary's.
[[nodiscard]] double weight_bytes(const ModelSpec& spec);
/// Keys and values of one token, all layers.
[[nodiscard]] double kv_bytes_per_token(const ModelSpec& spec);
/// Of the layers' matrices alone.
[[nodiscard]] double flops_per_token(const ModelSpec& spec);

/// Read bandwidth by a kernel of ours, matmul rate by cuBLASLt at 8192 cubed; prints both.
[[nodiscard]] Ceilings measure_ceilings();

/// Each kernel at the shapes of `spec`: time, floor, ratio.
void bench_kernels(const ModelSpec& spec, const Ceilings& ceilings);

struct StepBench {
  std::vector<std::int32_t> batches;
  std::int32_t context = 512;  // tokens, in the middle of what is measured
  std::int32_t prefill_tokens = 2048;
};

/// Whole steps of a model of random weights through the backend: decode by batch size, and one
/// prefill step.
void bench_steps(const ModelSpec& spec, const StepBench& what, const Ceilings& ceilings);

/// A table of whole steps (decode by batch and context, prefill, mixed) and of what bounds them,
/// written to `path` as JSON: what a simulated device is made from.
void calibrate(const std::string& model,
               const ModelSpec& spec,
               const Ceilings& ceilings,
               const std::string& path);

}  // namespace troupe::cuda
