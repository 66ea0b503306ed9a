// The entry point of the CUDA tests. Without a device they are skipped: CTest knows the exit code.
#define DOCTEST_CONFIG_IMPLEMENT
#include "kernels/cuda/cuda_backend.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  bool lists = false;
  for (int index = 1; index < argc; ++index) {
    lists = lists || std::strstr(argv[index], "list") != nullptr;
  }
  if (!lists && troupe::num_cuda_devices() == 0) {
    std::puts("skipped: no CUDA device");
    return kSkipped;
  }
  doctest::Context context;
  context.applyCommandLine(argc, argv);
  return context.run();
}
