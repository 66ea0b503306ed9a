// Picks the table; the tables themselves stand in one file each.
#include "kernels/cpu/path_kernels.h"

#include "engine/base/check.h"

#include <algorithm>

namespace troupe::cpu {

const PathKernels& path_kernels(CpuPath path) {
  const auto paths = available_cpu_paths();
  TROUPE_CHECK(std::find(paths.begin(), paths.end(), path) != paths.end(),
               "this processor cannot run these kernels");
#if defined(__x86_64__)
  if (path == CpuPath::avx512bf16) {
    return avx512bf16_kernels();
  }
  if (path == CpuPath::avx2) {
    return avx2_kernels();
  }
#endif
  return scalar_kernels();
}

}  // namespace troupe::cpu
