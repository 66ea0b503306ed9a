// Measures the CUDA backend on this machine's first device:
//   cuda_bench kernels|step [llama-7b|llama-3-8b]
#include "kernels/cuda/bench/bench.h"
#include "kernels/cuda/cuda_backend.h"

#include <fmt/core.h>

#include <exception>
#include <string_view>

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const std::string_view model = argc > 2 ? argv[2] : "llama-7b";
  if ((what != "kernels" && what != "step") || (model != "llama-7b" && model != "llama-3-8b")) {
    fmt::print(stderr, "usage: cuda_bench kernels|step [llama-7b|llama-3-8b]\n");
    return 2;
  }
  if (troupe::num_cuda_devices() == 0) {
    fmt::print(stderr, "cuda_bench: no CUDA device\n");
    return 1;
  }
  try {
    const auto spec = model == "llama-7b" ? troupe::cuda::llama_7b() : troupe::cuda::llama_3_8b();
    const auto ceilings = troupe::cuda::measure_ceilings();
    if (what == "kernels") {
      troupe::cuda::bench_kernels(spec, ceilings);
    } else {
      troupe::cuda::bench_steps(spec, {.batches = {1, 8, 32, 64, 128}}, ceilings);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "cuda_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
