// For a program that was built without CUDA.
#include "cli/cuda_device.h"

namespace troupe::cli {

std::int32_t num_gpus() {
  return 0;
}

Result<Device> make_cuda_device(const AssemblyOptions& /*options*/,
                                const std::shared_ptr<const Model>& /*model*/,
                                std::int32_t /*max_model_len*/) {
  return fail(ErrorCode::unsupported,
              "this program was built without CUDA; build it with the preset 'cuda' for a GPU",
              "--device");
}

}  // namespace troupe::cli
