// Measures the CUDA backend on this machine's first device:
//   cuda_bench kernels|step|calibrate [llama-7b|llama-3-8b] [FILE]
// FILE: where `calibrate` writes its table, by default calibration.json.
#include "kernels/cuda/bench/bench.h"
#include "kernels/cuda/cuda_backend.h"

#include <fmt/core.h>

#include <exception>
#include <string>

namespace {

void measure(const std::string& what, const std::string& model, const std::string& file) {
  const auto spec = model == "llama-7b" ? troupe::cuda::llama_7b() : troupe::cuda::llama_3_8b();
  const auto ceilings = troupe::cuda::measure_ceilings();
  if (what == "kernels") {
    troupe::cuda::bench_kernels(spec, ceilings);
  } else if (what == "step") {
    troupe::cuda::bench_steps(spec, {.batches = {1, 8, 32, 64, 128}}, ceilings);
  } else {
    troupe::cuda::calibrate(model, spec, ceilings, file);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const std::string model = argc > 2 ? argv[2] : "llama-7b";
  if ((what != "kernels" && what != "step" && what != "calibrate") ||
      (model != "llama-7b" && model != "llama-3-8b")) {
    fmt::print(stderr, "usage: cuda_bench kernels|step|calibrate [llama-7b|llama-3-8b] [FILE]\n");
    return 2;
  }
  if (troupe::num_cuda_devices() == 0) {
    fmt::print(stderr, "cuda_bench: no CUDA device\n");
    return 1;
  }
  try {
    measure(what, model, argc > 3 ? argv[3] : "calibration.json");
  } catch (const std::exception& error) {
    fmt::print(stderr, "cuda_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
