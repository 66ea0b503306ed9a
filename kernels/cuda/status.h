// What the CUDA runtime and cuBLAS report, as values.
#pragma once

#include "engine/base/result.h"

#include <cublas_api.h>
#include <cuda_runtime_api.h>

#include <string_view>

namespace troupe::cuda {

/// Error `device` with the operation's name and what the runtime says of it; running out of memory
/// is `resource_exhausted`.
[[nodiscard]] Result<void> check(cudaError_t status, std::string_view operation);
[[nodiscard]] Result<void> check(cublasStatus_t status, std::string_view operation);

/// After a kernel launch: whether the launch itself was accepted.
[[nodiscard]] Result<void> check_launch(std::string_view kernel);

}  // namespace troupe::cuda
