// The memory of one step on the device, at the declared maxima. Allocated once.
#pragma once

#include "engine/base/result.h"
#include "engine/model/model_spec.h"
#include "kernels/cuda/bfloat16.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/sample.h"

#include <cuda_runtime_api.h>

#include <cstdint>
#include <vector>

namespace troupe::cuda {

/// What the memory is sized for.
struct ActivationLimits {
  std::int32_t num_tokens = 0;        // T, of a step
  std::int32_t num_seats = 0;         // S; also the most rows that sample, R
  std::int32_t max_model_len = 0;     // tokens of a sequence
  std::int32_t table_width = 0;       // blocks of a sequence, a multiple of 4
  std::int32_t num_decode_items = 0;  // splits of decode attention
};

/// H hidden size, D head size, I intermediate size, V vocabulary, G KV heads.
struct Activations {
  DeviceBuffer memory;  // what the pointers point into

  float* residual = nullptr;          // [T, H]
  Bf16* normed = nullptr;             // [T, H]
  Bf16* delta = nullptr;              // [T, H]
  Bf16* qkv = nullptr;                // [T, (heads + 2 G) D]
  Bf16* attended = nullptr;           // [T, heads * D]
  Bf16* gate_up = nullptr;            // [T, 2 I]
  Bf16* activated = nullptr;          // [T, I]
  Bf16* sample_normed = nullptr;      // [R, H]
  float* logits = nullptr;            // [R, V]
  float* adjusted = nullptr;          // [R, V]
  std::int32_t* counts = nullptr;     // [R, V], zero between steps
  std::uint64_t* weights = nullptr;   // [R, V]
  SampleOutcome* outcomes = nullptr;  // [R]
  TopLogit* top_logits = nullptr;     // [R, kMaxTopLogprobs]
  float* partial_values = nullptr;    // [items, heads, D]
  float2* partial_sums = nullptr;     // [items, heads]
  std::int32_t* arrived = nullptr;    // [S, G], zero between steps
  std::int32_t* tables = nullptr;     // [S, table_width]
  float2* rope = nullptr;             // [max_model_len, rotary / 2]
  SeatState seats;
};

/// Allocates, zeroes what must be zero, and fills the rotary table. Errors: `resource_exhausted`,
/// `device`.
[[nodiscard]] Result<Activations> make_activations(const ModelSpec& spec,
                                                   const ActivationLimits& limits);

}  // namespace troupe::cuda
