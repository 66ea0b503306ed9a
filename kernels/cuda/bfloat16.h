// The device's number format for weights and activations.
#pragma once

#include <cuda_bf16.h>

namespace troupe::cuda {

using Bf16 = __nv_bfloat16;

}  // namespace troupe::cuda
