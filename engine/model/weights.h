// The tensors of a checkpoint, each in its place. Views into the mapped files; nothing is copied.
#pragma once

#include "engine/base/result.h"
#include "engine/model/model_spec.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace troupe {

/// A row-major tensor that somebody else owns. Empty when `data` is null.
struct TensorView {
  DType dtype = DType::bfloat16;
  std::vector<std::int64_t> shape;
  const std::byte* data = nullptr;

  [[nodiscard]] bool empty() const { return data == nullptr; }
};

/// [out, in] for every projection, as Hugging Face stores them.
struct LayerWeights {
  TensorView attention_norm;                  // [H]
  TensorView q, k, v;                         // [heads * D, H], [kv_heads * D, H] twice
  TensorView q_bias, k_bias, v_bias, o_bias;  // optional
  TensorView q_norm, k_norm;                  // [D], with QkNorm::per_head
  TensorView o;                               // [H, heads * D]
  TensorView mlp_norm;                        // [H]
  TensorView gate, up;                        // [I, H]
  TensorView gate_bias, up_bias, down_bias;   // optional
  TensorView down;                            // [H, I]
};

/// A loaded checkpoint. `files` keeps the mappings alive that the views point into.
struct ModelWeights {
  TensorView embedding;   // [V, H]
  TensorView final_norm;  // [H]
  TensorView lm_head;     // [V, H]; the embedding itself when tied
  std::vector<LayerWeights> layers;
  std::shared_ptr<const void> files;
};

struct Model {
  ModelSpec spec;
  ModelWeights weights;
};

/// Loads the checkpoint in `directory`: config.json, generation_config.json where there is one, and
/// model.safetensors or its sharded form. Errors: `not_found` for a missing file;
/// `invalid_model` with file, tensor and numbers; `unsupported` for what we do not compute, with
/// the list of what we do; `io`.
[[nodiscard]] Result<std::shared_ptr<const Model>> load_model(
    const std::filesystem::path& directory);

}  // namespace troupe
