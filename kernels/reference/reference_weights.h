// A checkpoint's tensors widened to float32: what the oracle computes with.
#pragma once

#include "engine/model/weights.h"

#include <vector>

namespace troupe {

/// Every element of `tensor` as a float; empty when the tensor is. Exact for all three dtypes.
[[nodiscard]] std::vector<float> widen(const TensorView& tensor);

/// Shapes as in `LayerWeights`; optional ones may be empty.
struct ReferenceLayer {
  std::vector<float> attention_norm;
  std::vector<float> q, k, v, o;
  std::vector<float> q_bias, k_bias, v_bias, o_bias;
  std::vector<float> q_norm, k_norm;
  std::vector<float> mlp_norm;
  std::vector<float> gate, up, down;
  std::vector<float> gate_bias, up_bias, down_bias;
};

struct ReferenceWeights {
  std::vector<float> embedding;   // [V, H]
  std::vector<float> final_norm;  // [H]
  std::vector<float> lm_head;     // [V, H]; empty when the embedding serves
  std::vector<ReferenceLayer> layers;
};

[[nodiscard]] ReferenceWeights widen(const Model& model);

}  // namespace troupe
