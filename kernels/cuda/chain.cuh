// Kernels that begin before the one in front of them has ended (programmatic dependent launch): a
// launch costs about a microsecond, and this hides it. From Hopper on; elsewhere kernels just
// follow one another.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/chain.h"
#include "kernels/cuda/status.h"

#include <cuda_runtime_api.h>

#include <cstddef>
#include <string_view>

namespace troupe::cuda {

struct LaunchShape {
  dim3 grid;
  unsigned threads = 0;
  std::size_t shared_bytes = 0;
};

/// Enqueues a kernel that calls `wait_for_predecessor()` in every block before it reads what the
/// kernel in front of it writes, or writes anything at all.
template <class Args>
[[nodiscard]] Result<void> launch_chained(std::string_view name,
                                          void (*kernel)(Args),
                                          const LaunchShape& shape,
                                          const Args& args,
                                          cudaStream_t stream) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = shape.grid;
  config.blockDim = dim3(shape.threads);
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = can_chain() ? 1 : 0;
  return check(cudaLaunchKernelEx(&config, kernel, args), name);
}

/// Until all that was enqueued before has happened and is visible.
__device__ __forceinline__ void wait_for_predecessor() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// Lets the next kernel begin as soon as there is room for it.
__device__ __forceinline__ void let_successor_begin() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace troupe::cuda
