// The kernels for AVX-512 with bfloat16 dot products. Weights and cache stream through once, all
// accumulators stay in registers: 24 of 32 hold sums, the rest the weights of the moment.
#include "kernels/cpu/path_kernels.h"

#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

// Left on to the end of the file, where templates are instantiated; nothing here has linkage but
// the table.
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")

namespace troupe::cpu {
namespace {

constexpr int kRegisterBytes = 64;
#include "kernels/cpu/lanes.inc"
#include "kernels/cpu/row_math.inc"

/// Subnormal numbers become zeros here, as they do in the dot products.
[[gnu::always_inline]] inline void store_rounded_part(const FloatPart& part, Bf16* to) {
  const __m256bh rounded = _mm512_cvtneps_pbh(part);
  __builtin_memcpy(to, &rounded, sizeof rounded);
}

constexpr std::int64_t kVectorElements = 2 * kVectorColumns;

[[gnu::always_inline]] inline __m512bh load_pairs(const Bf16* from) {
  return reinterpret_cast<__m512bh>(_mm512_loadu_si512(from));
}

[[gnu::always_inline]] inline __m512bh broadcast_pair(const Bf16* from) {
  std::int32_t pair;
  std::memcpy(&pair, from, sizeof pair);
  return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
}

[[gnu::always_inline]] inline void fetch(const Bf16* line) {
  _mm_prefetch(line, _MM_HINT_T0);
}

/// Into the second-level cache: the nearest one is full of what is in use.
[[gnu::always_inline]] inline void fetch_later(const Bf16* line) {
  _mm_prefetch(line, _MM_HINT_T1);
}

/// `Ahead`: vectors to fetch ahead for each pair.
template <int Rows, int Vectors, int Ahead>
void product_tile(const ProductArgs& args) {
  __m512 sums[Rows][Vectors];
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      sums[r][v] = args.adds ? _mm512_loadu_ps(args.out + r * kPanelColumns + v * kVectorColumns)
                             : _mm512_setzero_ps();
    }
  }
  const Bf16* panel = args.panel;
  const Bf16* x = args.x;
  const Bf16* ahead = args.ahead.from;
  const std::int64_t stride = args.x_stride;
  for (std::int32_t pair = 0; pair < args.pairs; ++pair) {
    __m512bh weights[Vectors];
    for (int v = 0; v < Vectors; ++v) {
      weights[v] = load_pairs(panel + v * kVectorElements);
    }
    for (int v = 0; v < Ahead; ++v) {
      fetch(ahead + v * kVectorElements);
    }
    for (int r = 0; r < Rows; ++r) {
      const __m512bh values = broadcast_pair(x + r * stride);
      for (int v = 0; v < Vectors; ++v) {
        sums[r][v] = _mm512_dpbf16_ps(sums[r][v], values, weights[v]);
      }
    }
    panel += Vectors * kVectorElements;
    ahead += Ahead * kVectorElements;
    x += 2;
  }
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      _mm512_storeu_ps(args.out + r * kPanelColumns + v * kVectorColumns, sums[r][v]);
    }
  }
}

template <int Rows, int Pages>
void score_tile(const ScoreArgs& args) {
  __m512 sums[Rows][Pages];
  for (auto& row : sums) {
    for (auto& vector : row) {
      vector = _mm512_setzero_ps();
    }
  }
  for (std::int32_t pair = 0; pair < args.pairs; ++pair) {
    __m512bh keys[Pages];
    for (int p = 0; p < Pages; ++p) {
      keys[p] = load_pairs(args.pages[p] + pair * kVectorElements);
      fetch_later(args.ahead[p] + pair * kVectorElements);
    }
    for (int r = 0; r < Rows; ++r) {
      const __m512bh query = broadcast_pair(args.query + r * args.query_stride + 2 * pair);
      for (int p = 0; p < Pages; ++p) {
        sums[r][p] = _mm512_dpbf16_ps(sums[r][p], query, keys[p]);
      }
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int p = 0; p < Pages; ++p) {
      _mm512_storeu_ps(args.scores + r * kTileKeys + p * kPageTokens, sums[r][p]);
    }
  }
}

/// `Vectors` vectors of the value's dimensions, from `column` on.
template <int Rows, int Vectors>
void value_columns(const ValueArgs& args, std::int32_t column) {
  __m512 sums[Rows][Vectors];
  float* const first = args.sums + column;
  for (int r = 0; r < Rows; ++r) {
    const __m512 correction = _mm512_set1_ps(args.corrections[r]);
    for (int v = 0; v < Vectors; ++v) {
      const __m512 before = _mm512_loadu_ps(first + r * args.width + v * kVectorColumns);
      sums[r][v] = _mm512_mul_ps(before, correction);
    }
  }
  constexpr std::int32_t kPagePairs = kPageTokens / 2;
  for (std::int32_t pair = 0; pair < args.pairs; ++pair) {
    const auto place = 2 * (static_cast<std::int64_t>(pair % kPagePairs) * args.width + column);
    const Bf16* row = args.pages[pair / kPagePairs] + place;
    const Bf16* ahead = args.ahead[pair / kPagePairs] + place;
    __m512bh values[Vectors];
    for (int v = 0; v < Vectors; ++v) {
      values[v] = load_pairs(row + v * kVectorElements);
      fetch_later(ahead + v * kVectorElements);
    }
    for (int r = 0; r < Rows; ++r) {
      const __m512bh weight = broadcast_pair(args.weights + r * kTileKeys + 2 * pair);
      for (int v = 0; v < Vectors; ++v) {
        sums[r][v] = _mm512_dpbf16_ps(sums[r][v], weight, values[v]);
      }
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      _mm512_storeu_ps(first + r * args.width + v * kVectorColumns, sums[r][v]);
    }
  }
}

template <int Rows>
void value_tile(const ValueArgs& args) {
  constexpr std::int32_t kGroup = 4 * kVectorColumns;
  std::int32_t column = 0;
  for (; column + kGroup <= args.width; column += kGroup) {
    value_columns<Rows, 4>(args, column);
  }
  for (; column < args.width; column += kVectorColumns) {
    value_columns<Rows, 1>(args, column);
  }
}

template <int Vectors, int Ahead, int... Rows>
void product_rows(const ProductArgs& args, std::integer_sequence<int, Rows...> /*zero_based*/) {
  using Tile = void (*)(const ProductArgs&);
  static constexpr Tile kTiles[] = {&product_tile<Rows + 1, Vectors, Ahead>...};
  kTiles[args.rows - 1](args);
}

// Only whole panels fetch ahead: of the last one there is no next.
void product(const ProductArgs& args) {
  static_assert(kPanelVectors == 3);
  const std::make_integer_sequence<int, kTileRows> rows;
  if (args.vectors == 1) {
    product_rows<1, 0>(args, rows);
  } else if (args.vectors == 2) {
    product_rows<2, 0>(args, rows);
  } else if (args.ahead.vectors == 0) {
    product_rows<3, 0>(args, rows);
  } else if (args.ahead.vectors == 1) {
    product_rows<3, 1>(args, rows);
  } else {
    product_rows<3, 3>(args, rows);
  }
}

template <int Pages, int... Rows>
void score_rows(const ScoreArgs& args, std::integer_sequence<int, Rows...> /*zero_based*/) {
  using Tile = void (*)(const ScoreArgs&);
  static constexpr Tile kTiles[] = {&score_tile<Rows + 1, Pages>...};
  kTiles[args.rows - 1](args);
}

void scores(const ScoreArgs& args) {
  static_assert(kTilePages == 4);
  const std::make_integer_sequence<int, kAttentionRows> rows;
  switch (args.num_pages) {
    case 1:
      return score_rows<1>(args, rows);
    case 2:
      return score_rows<2>(args, rows);
    case 3:
      return score_rows<3>(args, rows);
    default:
      return score_rows<4>(args, rows);
  }
}

template <int... Rows>
void value_rows(const ValueArgs& args, std::integer_sequence<int, Rows...> /*zero_based*/) {
  using Tile = void (*)(const ValueArgs&);
  static constexpr Tile kTiles[] = {&value_tile<Rows + 1>...};
  kTiles[args.rows - 1](args);
}

void values(const ValueArgs& args) {
  value_rows(args, std::make_integer_sequence<int, kAttentionRows>{});
}

}  // namespace

#include "kernels/cpu/kernel_table.inc"

const PathKernels& avx512bf16_kernels() {
  return kKernels;
}

}  // namespace troupe::cpu
