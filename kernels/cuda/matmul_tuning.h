// Times the matrix products of a model before the first step, on its own weights.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/activations.h"
#include "kernels/cuda/cuda_model.h"
#include "kernels/cuda/matmul.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

/// Prepares `matmul` for every shape of the model up to the declared maxima; fills the activations
/// with random numbers on the way. Errors: those of `Matmul::prepare`.
[[nodiscard]] Result<void> tune_matmuls(Matmul& matmul,
                                        const CudaModel& model,
                                        const Activations& activations,
                                        const ActivationLimits& limits,
                                        cudaStream_t stream);

/// Tokens of prompts a second, from the widest product of a layer at the most tokens of a step.
/// Waits for the device. Errors: `device`.
[[nodiscard]] Result<double> measure_prefill_rate(Matmul& matmul,
                                                  const CudaModel& model,
                                                  const Activations& activations,
                                                  const ActivationLimits& limits,
                                                  cudaStream_t stream);

}  // namespace troupe::cuda
