// What the paths without a bfloat16 dot instruction compute in one go: 16 columns of a product.
#pragma once

#include "kernels/cpu/bfloat16.h"

#include <cstdint>

namespace troupe::cpu {

/// sums[rows, 16] += x[rows, 2 * pairs] * columns.
struct ColumnArgs {
  const Bf16* x = nullptr;
  std::int64_t x_stride = 0;
  const Bf16* columns = nullptr;  // [pairs], each [16][2], at `columns_stride` elements
  std::int64_t columns_stride = 0;
  float* sums = nullptr;
  std::int64_t sums_stride = 0;
  std::int32_t pairs = 0;
};

}  // namespace troupe::cpu
