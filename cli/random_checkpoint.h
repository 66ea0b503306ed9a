// Checkpoints with the shapes of well-known models and random weights: what a speed is measured on
// where the real weights are not at hand.
#pragma once

#include "engine/base/result.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

/// A decoder of the Llama family. All numbers are at least 1.
struct CheckpointShape {
  std::string_view name;
  std::int32_t hidden_size = 0;
  std::int32_t num_layers = 0;
  std::int32_t num_heads = 0;
  std::int32_t num_kv_heads = 0;
  std::int32_t head_size = 0;
  std::int32_t intermediate_size = 0;
  std::int32_t vocab_size = 0;
  std::int32_t max_position = 0;
  double rope_theta = 10000.0;
  bool tied_embeddings = false;
};

/// The names of the shapes that are known.
[[nodiscard]] std::vector<std::string> checkpoint_shape_names();

/// Error `invalid_value` for an unknown name, with those that are known.
[[nodiscard]] Result<CheckpointShape> find_checkpoint_shape(const std::string& name);

/// Writes config.json and model.safetensors (bfloat16, the same bytes for the same shape) into
/// `directory`, which is made, and copies the tokenizer of the model in `tokenizer_from`. Returns
/// the bytes of the weights. Errors: `invalid_value` when `directory` holds a checkpoint already;
/// `io`.
[[nodiscard]] Result<std::int64_t> write_random_checkpoint(
    const CheckpointShape& shape,
    const std::filesystem::path& directory,
    const std::filesystem::path& tokenizer_from);

}  // namespace troupe::cli
