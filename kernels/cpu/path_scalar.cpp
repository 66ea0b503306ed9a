// The kernels for any processor: plain loops, which the compiler may turn into the vectors that the
// architecture always has.
#include "kernels/cpu/column_args.h"
#include "kernels/cpu/path_kernels.h"

#include <cmath>
#include <limits>

namespace troupe::cpu {
namespace {

constexpr int kRegisterBytes = 16;
#include "kernels/cpu/lanes.inc"
#include "kernels/cpu/row_math.inc"

constexpr std::int32_t kRowsAtOnce = 2;

template <int Rows>
void accumulate(const ColumnArgs& args) {
  Lanes sums[Rows];
  for (int r = 0; r < Rows; ++r) {
    sums[r] = load(args.sums + r * args.sums_stride);
  }
  const Bf16* columns = args.columns;
  for (std::int32_t pair = 0; pair < args.pairs; ++pair) {
    float even[kLanes];
    float odd[kLanes];
    for (int c = 0; c < kLanes; ++c) {
      even[c] = widen(columns[2 * c]);
      odd[c] = widen(columns[2 * c + 1]);
    }
    for (int r = 0; r < Rows; ++r) {
      const Bf16* x = args.x + r * args.x_stride + 2 * pair;
      sums[r] = sums[r] + broadcast(widen(x[1])) * load(odd);
      sums[r] = sums[r] + broadcast(widen(x[0])) * load(even);
    }
    columns += args.columns_stride;
  }
  for (int r = 0; r < Rows; ++r) {
    store(sums[r], args.sums + r * args.sums_stride);
  }
}

#include "kernels/cpu/pair_products.inc"

}  // namespace

#include "kernels/cpu/kernel_table.inc"

const PathKernels& scalar_kernels() {
  return kKernels;
}

}  // namespace troupe::cpu
