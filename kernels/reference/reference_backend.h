// The oracle as a backend, so that whole engines can be compared with it.
#pragma once

#include "engine/base/result.h"
#include "engine/step/backend.h"
#include "kernels/reference/reference_operations.h"

#include <memory>

namespace troupe {

/// A backend that computes with `ReferenceOperations`. Checked: all sizes are positive. Error
/// `resource_exhausted` when the memory for weights and cache is not to be had.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_reference_backend(
    const std::shared_ptr<const Model>& model, const ReferenceSizes& sizes);

}  // namespace troupe
