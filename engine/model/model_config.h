// config.json and generation_config.json of a checkpoint, in the spellings of transformers 4 and 5.
#pragma once

#include "engine/base/result.h"
#include "engine/model/families.h"
#include "engine/model/model_spec.h"

#include <filesystem>
#include <optional>
#include <string_view>

namespace troupe {

/// What the configuration says; `spec` still lacks what only the tensors tell (dtype, norms of q
/// and k, whether the embedding is tied).
struct ModelConfig {
  ModelSpec spec;
  const Family* family = nullptr;  // in static storage
  std::optional<bool> tie_word_embeddings;
};

/// Reads both texts; an empty `generation_config` stands for none. Every number is checked against
/// its range, and those that depend on each other against each other. Errors: `invalid_model`,
/// `unsupported`.
[[nodiscard]] Result<ModelConfig> parse_model_config(std::string_view config,
                                                     std::string_view generation_config);

/// The same for the files in `directory`. Errors also: `not_found` without config.json, `io`.
[[nodiscard]] Result<ModelConfig> read_model_config(const std::filesystem::path& directory);

}  // namespace troupe
