// The product kernel beside the machine's ceilings.
#pragma once

#include "kernels/cpu/cpu_features.h"

#include <cstdint>

namespace troupe::test {

/// Prints, for 1 to 256 rows times a matrix that no cache holds, bytes and operations a second, and
/// the share of the ceiling that binds, measured in the same rounds.
void run_product_bench(std::int32_t threads, CpuPath path);

}  // namespace troupe::test
