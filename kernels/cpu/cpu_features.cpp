// Asks the processor through the compiler's own CPUID helper, which also asks the operating system
// whether it saves the wide registers.
#include "kernels/cpu/cpu_features.h"

#include <algorithm>
#include <string>

namespace troupe {

std::string_view to_string(CpuPath path) {
  switch (path) {
    case CpuPath::detect:
      return "detect";
    case CpuPath::scalar:
      return "scalar";
    case CpuPath::avx2:
      return "avx2";
    case CpuPath::avx512bf16:
      return "avx512bf16";
  }
  return "unknown";
}

std::vector<CpuPath> available_cpu_paths() {
  std::vector<CpuPath> paths = {CpuPath::scalar};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    paths.push_back(CpuPath::avx2);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bf16")) {
    paths.push_back(CpuPath::avx512bf16);
  }
#endif
  return paths;
}

Result<CpuPath> choose_cpu_path(CpuPath wanted) {
  const auto paths = available_cpu_paths();
  if (wanted == CpuPath::detect) {
    return paths.back();
  }
  if (std::find(paths.begin(), paths.end(), wanted) == paths.end()) {
    return fail(ErrorCode::unsupported,
                "this processor cannot run the " + std::string(to_string(wanted)) +
                    " kernels; the fastest it can run are " + std::string(to_string(paths.back())));
  }
  return wanted;
}

}  // namespace troupe
