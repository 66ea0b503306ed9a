// CUDA operations that wait for the device after each step and show the logits, so that tests of
// host operations run on them.
#pragma once

#include "engine/model/weights.h"
#include "kernels/decoder/operations.h"

#include <cstdint>
#include <memory>

namespace troupe::cuda {

struct HostCudaRoom {
  std::int32_t num_blocks = 0;
  std::int32_t max_num_seqs = 0;
  std::int32_t max_num_batched_tokens = 0;
  std::int32_t max_model_len = 0;
};

/// Requires a device, and room in its memory.
[[nodiscard]] std::unique_ptr<HostOperations> make_host_cuda_operations(const Model& model,
                                                                        const HostCudaRoom& room);

}  // namespace troupe::cuda
