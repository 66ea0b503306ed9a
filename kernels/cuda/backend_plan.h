// Sizes a backend: checks its options, and says what fits the device's memory.
#pragma once

#include "engine/base/result.h"
#include "engine/model/model_spec.h"
#include "engine/step/backend.h"
#include "kernels/cuda/activations.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/step_input.h"

#include <cstdint>

namespace troupe::cuda {

/// What a backend of these options allocates, the cache aside.
struct BackendPlan {
  std::int32_t max_model_len = 0;
  ActivationLimits activations;
  StepLimits step;
};

/// Errors: `invalid_value` with the option's name.
[[nodiscard]] Result<BackendPlan> plan_backend(const ModelSpec& spec, const CudaOptions& options);

/// Bytes of one KV block over all layers.
[[nodiscard]] std::int64_t bytes_per_block(const ModelSpec& spec);

/// How many KV blocks to allocate, when everything else has been. Error `resource_exhausted` says
/// what was there, what is needed, and which option to change.
[[nodiscard]] Result<std::int32_t> count_blocks(const ModelSpec& spec,
                                                const CudaOptions& options,
                                                const BackendPlan& plan,
                                                const DeviceMemory& memory);

}  // namespace troupe::cuda
