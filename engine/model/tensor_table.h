// Which tensor of a checkpoint goes where in the model, and of what shape it must be: one table for
// all families.
#pragma once

#include "engine/base/result.h"
#include "engine/model/checkpoint.h"
#include "engine/model/model_config.h"
#include "engine/model/weights.h"

namespace troupe {

/// Finds the place of every tensor and completes the spec by what the tensors tell: an optional
/// tensor belongs to the structure when the first layer has it, and then every layer must. Errors:
/// `invalid_model` for a missing tensor, a wrong shape (with both) and a tensor that has no place;
/// `unsupported` for a dtype that no device computes with.
[[nodiscard]] Result<Model> place_tensors(const ModelConfig& config, Checkpoint checkpoint);

}  // namespace troupe
