// The tensors of a checkpoint's files under their names: one file, or shards with an index.
#pragma once

#include "engine/base/result.h"
#include "engine/model/safetensors.h"

#include <filesystem>
#include <memory>

namespace troupe {

/// `tensors` point into `files`.
struct Checkpoint {
  TensorMap tensors;
  std::shared_ptr<const void> files;
};

/// Maps model.safetensors, or the shards that model.safetensors.index.json names, and checks them.
/// Errors: `not_found` when neither is there, or a shard is missing; `io`; `invalid_model`.
[[nodiscard]] Result<Checkpoint> open_checkpoint(const std::filesystem::path& directory);

}  // namespace troupe
