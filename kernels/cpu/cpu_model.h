// A checkpoint in the form in which the CPU computes with it. Made once, shared by every backend.
#pragma once

#include "engine/model/weights.h"
#include "kernels/cpu/host_memory.h"
#include "kernels/cpu/packed_weights.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace troupe {

namespace cpu {

/// Vectors are float32; a bias or a head norm that the model lacks is empty.
struct CpuLayer {
  std::vector<float> attention_norm;  // [H]
  PackedMatrix qkv;                   // outputs: queries, keys, values
  std::vector<float> qkv_bias;
  std::vector<float> q_norm, k_norm;  // [D]
  PackedMatrix o;
  std::vector<float> o_bias;
  std::vector<float> mlp_norm;  // [H]
  PackedMatrix gate, up;
  std::vector<float> gate_bias, up_bias;
  PackedMatrix down;
  std::vector<float> down_bias;
};

}  // namespace cpu

/// Immutable. Keeps the checkpoint, whose embedding it reads row by row.
struct CpuModel {
  std::shared_ptr<const Model> source;
  cpu::Arena arena;  // what the packed matrices point into
  std::vector<cpu::CpuLayer> layers;
  std::vector<float> final_norm;  // [H]
  cpu::PackedMatrix lm_head;
};

namespace cpu {

/// Packs every matrix with `num_threads` threads. Errors: `unsupported` for a shape that the
/// kernels do not compute, `resource_exhausted` when memory does not suffice.
[[nodiscard]] Result<std::shared_ptr<const CpuModel>> pack_model(std::shared_ptr<const Model> model,
                                                                 std::int32_t num_threads);

}  // namespace cpu
}  // namespace troupe
