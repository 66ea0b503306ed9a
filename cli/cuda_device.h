// The GPU among the devices. Two sources implement this page: one for a program that was built with
// CUDA, one for a program that was not.
#pragma once

#include "cli/device.h"
#include "engine/base/result.h"
#include "engine/model/weights.h"

#include <cstdint>
#include <memory>

namespace troupe::cli {

/// GPUs that this program can use; 0 without CUDA or without a driver.
[[nodiscard]] std::int32_t num_gpus();

/// As `make_device`, on the first GPU. Errors: those of the CUDA backend; `unsupported` in a
/// program that was built without CUDA.
[[nodiscard]] Result<Device> make_cuda_device(const AssemblyOptions& options,
                                              const std::shared_ptr<const Model>& model,
                                              std::int32_t max_model_len);

}  // namespace troupe::cli
