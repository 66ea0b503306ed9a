#include "kernels/cuda/status.h"

#include <cublasLt.h>

#include <string>

namespace troupe::cuda {

Result<void> check(cudaError_t status, std::string_view operation) {
  if (status == cudaSuccess) {
    return {};
  }
  const auto code =
      status == cudaErrorMemoryAllocation ? ErrorCode::resource_exhausted : ErrorCode::device;
  return fail(code, std::string(operation) + ": " + cudaGetErrorString(status) + " (" +
                        cudaGetErrorName(status) + ")");
}

Result<void> check(cublasStatus_t status, std::string_view operation) {
  if (status == CUBLAS_STATUS_SUCCESS) {
    return {};
  }
  return fail(ErrorCode::device, std::string(operation) + ": " + cublasLtGetStatusString(status) +
                                     " (" + cublasLtGetStatusName(status) + ")");
}

Result<void> check_launch(std::string_view kernel) {
  return check(cudaGetLastError(), kernel);
}

}  // namespace troupe::cuda
