// The kernels for AVX2 with FMA. A bfloat16 is the upper half of a float32, so a pair in 32 bits is
// taken apart by a shift and a mask.
#include "kernels/cpu/column_args.h"
#include "kernels/cpu/path_kernels.h"

#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <limits>

// Left on to the end of the file, where templates are instantiated; nothing here has linkage but
// the table.
#pragma GCC target("avx2,fma")

namespace troupe::cpu {
namespace {

constexpr int kRegisterBytes = 32;
#include "kernels/cpu/lanes.inc"
#include "kernels/cpu/row_math.inc"

constexpr std::int32_t kRowsAtOnce = 4;  // 8 of 16 registers accumulate, 4 hold weights

[[gnu::always_inline]] inline __m256 even_of(__m256i pairs) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
}

[[gnu::always_inline]] inline __m256 odd_of(__m256i pairs) {
  return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(-0x10000)));
}

template <int Rows>
void accumulate(const ColumnArgs& args) {
  __m256 low[Rows];
  __m256 high[Rows];
  for (int r = 0; r < Rows; ++r) {
    low[r] = _mm256_loadu_ps(args.sums + r * args.sums_stride);
    high[r] = _mm256_loadu_ps(args.sums + r * args.sums_stride + 8);
  }
  const Bf16* columns = args.columns;
  for (std::int32_t pair = 0; pair < args.pairs; ++pair) {
    const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(columns));
    const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(columns + 16));
    for (int r = 0; r < Rows; ++r) {
      std::int32_t bits;
      std::memcpy(&bits, args.x + r * args.x_stride + 2 * pair, sizeof bits);
      const __m256i values = _mm256_set1_epi32(bits);
      low[r] = _mm256_fmadd_ps(odd_of(values), odd_of(first), low[r]);
      high[r] = _mm256_fmadd_ps(odd_of(values), odd_of(second), high[r]);
      low[r] = _mm256_fmadd_ps(even_of(values), even_of(first), low[r]);
      high[r] = _mm256_fmadd_ps(even_of(values), even_of(second), high[r]);
    }
    columns += args.columns_stride;
  }
  for (int r = 0; r < Rows; ++r) {
    _mm256_storeu_ps(args.sums + r * args.sums_stride, low[r]);
    _mm256_storeu_ps(args.sums + r * args.sums_stride + 8, high[r]);
  }
}

#include "kernels/cpu/pair_products.inc"

}  // namespace

#include "kernels/cpu/kernel_table.inc"

const PathKernels& avx2_kernels() {
  return kKernels;
}

}  // namespace troupe::cpu
