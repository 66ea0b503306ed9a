#include "kernels/cuda/chain.h"

#include <cuda_runtime_api.h>

namespace troupe::cuda {

bool can_chain() {
  static const bool possible = [] {
    int device = 0;
    int major = 0;
    return cudaGetDevice(&device) == cudaSuccess &&
           cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) ==
               cudaSuccess &&
           major >= 9;
  }();
  return possible;
}

}  // namespace troupe::cuda
