// The innermost loops as a table, one table for each set of instructions.
//
// Every product is one chain: it starts from the accumulator, and for each pair (2j, 2j + 1) of the
// inner dimension, ascending, adds the odd element's product and then the even one's, each rounded
// once (the order of the processor's own bfloat16 dot instruction). Products of two bfloat16 are
// exact in float32, so all tables compute the same bits, and a row's bits depend on nothing else.
#pragma once

#include "kernels/cpu/bfloat16.h"
#include "kernels/cpu/cpu_features.h"

#include <cstdint>

namespace troupe::cpu {

constexpr std::int32_t kVectorColumns = 16;  // float32 values of the widest register
constexpr std::int32_t kPanelVectors = 3;    // 8 rows x 3 vectors: 24 of 32 registers accumulate
constexpr std::int32_t kPanelColumns = kPanelVectors * kVectorColumns;
constexpr std::int32_t kTileRows = 8;     // rows of one product tile
constexpr std::int32_t kPageTokens = 16;  // tokens of a KV page: one vector of scores
constexpr std::int32_t kTilePages = 4;    // pages walked together
constexpr std::int32_t kTileKeys = kPageTokens * kTilePages;
constexpr std::int32_t kAttentionRows = 6;  // 6 rows x 4 vectors: 24 of 32 registers accumulate

/// What of the next weights a path may fetch while it computes, if it can: `vectors` of them for
/// each pair, end to end from `from` on. They need not be readable.
struct FetchAhead {
  const Bf16* from = nullptr;
  std::int32_t vectors = 0;  // 0, 1 or kPanelVectors
};

/// out[rows, 16 * vectors] = x[rows, 2 * pairs] * panel, added to what `out` holds if `adds`: the
/// chains go on where they were left, so a product may be cut between any two pairs.
struct ProductArgs {
  const Bf16* x = nullptr;  // rows at `x_stride` elements
  std::int64_t x_stride = 0;
  const Bf16* panel = nullptr;  // [pairs][16 * vectors][2]
  float* out = nullptr;         // rows at kPanelColumns elements
  std::int32_t rows = 0;        // 1 … kTileRows
  std::int32_t vectors = 0;     // 1 … kPanelVectors
  std::int32_t pairs = 0;
  bool adds = false;
  FetchAhead ahead{};
};

/// scores[rows, 16 * num_pages] = query[rows, 2 * pairs] * keys^T. A path may fetch the pages
/// in `ahead` while it walks, as much of each as of those that it reads.
struct ScoreArgs {
  const Bf16* query = nullptr;  // rows at `query_stride` elements
  std::int64_t query_stride = 0;
  const Bf16* pages[kTilePages] = {};  // each [pairs][16][2]
  const Bf16* ahead[kTilePages] = {};
  float* scores = nullptr;     // rows at kTileKeys elements
  std::int32_t rows = 0;       // 1 … kAttentionRows
  std::int32_t num_pages = 0;  // 1 … kTilePages
  std::int32_t pairs = 0;      // D / 2
};

/// sums[rows, width] = sums * correction[row] + weights[rows, 2 * pairs] * values. `ahead` as
/// above.
struct ValueArgs {
  const Bf16* weights = nullptr;       // rows at kTileKeys elements
  const float* corrections = nullptr;  // [rows]
  const Bf16* pages[kTilePages] = {};  // each [8][width][2]
  const Bf16* ahead[kTilePages] = {};
  float* sums = nullptr;   // rows at `width` elements
  std::int32_t rows = 0;   // 1 … kAttentionRows
  std::int32_t pairs = 0;  // keys / 2, rounded up; 1 … kTileKeys / 2
  std::int32_t width = 0;  // D rounded up to whole vectors
};

/// A row's running softmax. Sums are kept by key modulo 16, so that their order is the keys' own.
struct SoftmaxState {
  float largest = 0.0F;  // starts at minus infinity
  float sums[kVectorColumns] = {};
};

/// One row, one tile of keys: scores become weights, and earlier sums get their correction.
struct SoftmaxArgs {
  const float* scores = nullptr;  // [kTileKeys]
  Bf16* weights = nullptr;        // [kTileKeys] written; 0 from `num_keys` on
  float* correction = nullptr;    // [1] written
  SoftmaxState* state = nullptr;
  float scale_log2 = 0.0F;    // attention scale * log2(e)
  std::int32_t num_keys = 0;  // keys of this tile that the row sees, 0 … kTileKeys
};

/// One row's softmax over some keys joined with that over later ones: their sums as if the largest
/// score had been known to both.
struct JoinArgs {
  const SoftmaxState* later = nullptr;
  const float* later_sums = nullptr;  // [width]
  SoftmaxState* state = nullptr;      // of the earlier keys; then of all
  float* sums = nullptr;              // [width] likewise
  float scale_log2 = 0.0F;            // as in SoftmaxArgs
  std::int32_t width = 0;             // a multiple of kVectorColumns
};

struct NormArgs {
  const float* x = nullptr;       // [n]
  const float* weight = nullptr;  // [n]
  std::int32_t n = 0;
  float epsilon = 0.0F;
};

struct SwigluArgs {
  const float* gate = nullptr;       // [n]
  const float* up = nullptr;         // [n]
  const float* gate_bias = nullptr;  // [n], or null
  const float* up_bias = nullptr;    // [n], or null
  std::int32_t n = 0;
};

/// None of the functions allocates, none keeps anything.
struct PathKernels {
  void (*product)(const ProductArgs&) = nullptr;
  void (*scores)(const ScoreArgs&) = nullptr;
  void (*values)(const ValueArgs&) = nullptr;
  void (*softmax)(const SoftmaxArgs&) = nullptr;
  void (*join)(const JoinArgs&) = nullptr;
  /// out = x / rms(x) * weight, rounded to bfloat16.
  void (*norm)(const NormArgs&, Bf16* out) = nullptr;
  /// The same, kept in float32; `out` may be `x`.
  void (*norm_wide)(const NormArgs&, float* out) = nullptr;
  /// Pairs (x[i], x[i + half]) turned by the angle whose cosine and sine are given, [half] each.
  void (*rotate)(float* x, const float* cosines, const float* sines, std::int32_t half) = nullptr;
  /// out = bfloat16(x), [n].
  void (*round)(const float* x, Bf16* out, std::int32_t n) = nullptr;
  /// out = bfloat16(x * factor), [n].
  void (*scale)(const float* x, float factor, Bf16* out, std::int32_t n) = nullptr;
  /// out = x (+ bias, unless null), [n].
  void (*store)(const float* x, const float* bias, float* out, std::int32_t n) = nullptr;
  /// out += x (+ bias, unless null), [n].
  void (*add)(const float* x, const float* bias, float* out, std::int32_t n) = nullptr;
  /// out = bfloat16(silu(gate + bias) * (up + bias)), [n].
  void (*swiglu)(const SwigluArgs&, Bf16* out) = nullptr;
};

/// `path` must be available (checked), and not `detect`.
[[nodiscard]] const PathKernels& path_kernels(CpuPath path);

[[nodiscard]] const PathKernels& scalar_kernels();
#if defined(__x86_64__)
[[nodiscard]] const PathKernels& avx2_kernels();
[[nodiscard]] const PathKernels& avx512bf16_kernels();
#endif

}  // namespace troupe::cpu
