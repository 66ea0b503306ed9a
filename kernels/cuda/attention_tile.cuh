// What decode and prefill attention share, so that both give a row the same bits: one warp holds 16
// query rows and walks keys in tiles of 64, with an online softmax (Dao, FlashAttention-2) that
// starts anew at each absolute multiple of 256 keys; the parts are merged in their order. Masked
// keys add exact zeros, so neither neighbours nor the end of a chunk show in a row.
#pragma once

#include "kernels/cuda/bfloat16.h"
#include "kernels/cuda/kv_cache.h"

#include <cstdint>

namespace troupe::cuda {

/// Query rows of a warp: the height of a matrix instruction.
inline constexpr int kRowsPerWarp = 16;
/// Keys of a tile: four pages.
inline constexpr int kTileKeys = 64;
inline constexpr int kPagesPerTile = kTileKeys / kPageTokens;
/// Keys of a split. Absolute: split s covers the keys [256 s, 256 (s + 1)) of every sequence.
inline constexpr int kSplitKeys = 256;

inline constexpr unsigned kFullWarp = 0xffffffffU;

__device__ __forceinline__ float negative_infinity() {
  return __int_as_float(static_cast<int>(0xff800000U));
}

__device__ __forceinline__ float exp2_approximate(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

__device__ __forceinline__ unsigned pack(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const unsigned*>(&pair);
}

__device__ __forceinline__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

/// 16 bytes to shared memory, asynchronously; zeros where `valid` is false.
__device__ __forceinline__ void copy_async(unsigned target, const Bf16* source, bool valid) {
  const int size = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(target), "l"(source), "r"(size)
               : "memory");
}

__device__ __forceinline__ void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Until at most `kPending` of this thread's last groups are under way.
template <int kPending>
__device__ __forceinline__ void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

__device__ __forceinline__ void load_matrices(unsigned (&to)[4], unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(address)
               : "memory");
}

__device__ __forceinline__ void load_matrices_transposed(unsigned (&to)[4], unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(address)
               : "memory");
}

/// c += a b, 16 x 8 x 16.
__device__ __forceinline__ void multiply_add(float (&c)[4],
                                             const unsigned (&a)[4],
                                             unsigned b0,
                                             unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// The four blocks of a tile.
struct TilePages {
  int block[kPagesPerTile];
};

/// `table` is 16-byte aligned and has whole groups of four.
__device__ __forceinline__ TilePages load_pages(const std::int32_t* table, int tile) {
  const int4 four = *reinterpret_cast<const int4*>(table + tile * kPagesPerTile);
  return {{four.x, four.y, four.z, four.w}};
}

/// Starts the copy of a tile's keys or values, as they lie in their pages, by `kThreads` threads.
/// `first_page`: that of block 0. Keys from `num_valid` on become zeros, whatever the cache holds.
template <int kHeadSize, int kThreads>
__device__ __forceinline__ void copy_tile(unsigned target,
                                          const Bf16* first_page,
                                          std::int64_t block_size,
                                          const TilePages& pages,
                                          int num_valid) {
  constexpr int kChunksPerRow = kHeadSize / kChunk;
  constexpr int kChunksPerPage = kPageTokens * kChunksPerRow;
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int page = 0; page < kPagesPerTile; ++page) {
    const Bf16* source = first_page + pages.block[page] * block_size;
    const int valid_chunks = (num_valid - page * kPageTokens) * kChunksPerRow;
#pragma unroll
    for (int i = 0; i < (kChunksPerPage + kThreads - 1) / kThreads; ++i) {
      const int chunk = i * kThreads + thread;
      if (kChunksPerPage % kThreads == 0 || chunk < kChunksPerPage) {
        const bool valid = chunk < valid_chunks;
        copy_async(target + static_cast<unsigned>((page * kChunksPerPage + chunk) * 16),
                   valid ? source + chunk * kChunk : first_page, valid);
      }
    }
  }
}

/// What one warp knows of its 16 rows within a split. A lane holds the rows lane / 4 and
/// lane / 4 + 8; of the values the columns 8 n + 2 (lane % 4) and the one after it.
template <int kHeadSize>
struct SplitState {
  static constexpr int kBlocks = kHeadSize / 8;

  float values[kBlocks][4];
  float top[2];  // largest score, times the scale, in powers of two
  float sum[2];  // of this lane's columns; of the row after finish()

  __device__ __forceinline__ void reset() {
#pragma unroll
    for (int n = 0; n < kBlocks; ++n) {
      values[n][0] = values[n][1] = values[n][2] = values[n][3] = 0.0F;
    }
    top[0] = top[1] = negative_infinity();
    sum[0] = sum[1] = 0.0F;
  }

  /// Turns the scores of a tile into weights, and rescales what was summed before.
  __device__ __forceinline__ void weigh(float (&scores)[kTileKeys / 8][4], float scale) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float largest = negative_infinity();
#pragma unroll
      for (int n = 0; n < kTileKeys / 8; ++n) {
        largest = fmaxf(largest, fmaxf(scores[n][2 * half], scores[n][2 * half + 1]));
      }
      largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, 1));
      largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, 2));
      const float new_top = fmaxf(top[half], __fmul_rn(largest, scale));
      // A row that has seen no key yet must not take infinity from infinity.
      const float base = new_top == negative_infinity() ? 0.0F : new_top;
      const float correction = exp2_approximate(__fsub_rn(top[half], base));
      top[half] = new_top;
      float added = 0.0F;
#pragma unroll
      for (int n = 0; n < kTileKeys / 8; ++n) {
#pragma unroll
        for (int i = 2 * half; i < 2 * half + 2; ++i) {
          scores[n][i] = exp2_approximate(__fmaf_rn(scores[n][i], scale, -base));
          added = __fadd_rn(added, scores[n][i]);
        }
      }
      sum[half] = __fmaf_rn(sum[half], correction, added);
#pragma unroll
      for (int n = 0; n < kBlocks; ++n) {
        values[n][2 * half] = __fmul_rn(values[n][2 * half], correction);
        values[n][2 * half + 1] = __fmul_rn(values[n][2 * half + 1], correction);
      }
    }
  }

  /// values += weights * V, where `tile` is the value tile in shared memory.
  __device__ __forceinline__ void add_values(const float (&weights)[kTileKeys / 8][4],
                                             unsigned tile) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int row = (lane & 8) + (lane & 7);
#pragma unroll
    for (int k = 0; k < kTileKeys / 16; ++k) {
      const unsigned a[4] = {pack(weights[2 * k][0], weights[2 * k][1]),
                             pack(weights[2 * k][2], weights[2 * k][3]),
                             pack(weights[2 * k + 1][0], weights[2 * k + 1][1]),
                             pack(weights[2 * k + 1][2], weights[2 * k + 1][3])};
#pragma unroll
      for (int n = 0; n < kBlocks; n += 2) {
        const int chunk = permuted_chunk(kHeadSize, row, n + lane / 16);
        unsigned b[4];
        load_matrices_transposed(
            b, tile + static_cast<unsigned>(((k * 16 + row) * kHeadSize + chunk * kChunk) * 2));
        multiply_add(values[n], a, b[0], b[1]);
        multiply_add(values[n + 1], a, b[2], b[3]);
      }
    }
  }

  /// Sums over the four lanes of a row.
  __device__ __forceinline__ void finish() {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      sum[half] = __fadd_rn(sum[half], __shfl_xor_sync(kFullWarp, sum[half], 1));
      sum[half] = __fadd_rn(sum[half], __shfl_xor_sync(kFullWarp, sum[half], 2));
    }
  }
};

/// scores = Q K^T over a key tile in shared memory; `query(k, a)` gives the fragment of the rows'
/// dimensions [16 k, 16 (k + 1)).
template <int kHeadSize, class Query>
__device__ __forceinline__ void score_tile(float (&scores)[kTileKeys / 8][4],
                                           unsigned tile,
                                           Query query) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int n = 0; n < kTileKeys / 8; ++n) {
    scores[n][0] = scores[n][1] = scores[n][2] = scores[n][3] = 0.0F;
  }
#pragma unroll
  for (int k = 0; k < kHeadSize / 16; ++k) {
    unsigned a[4];
    query(k, a);
#pragma unroll
    for (int n = 0; n < kTileKeys / 8; n += 2) {
      const int row = n * 8 + (lane / 16) * 8 + (lane & 7);
      const int chunk = permuted_chunk(kHeadSize, row % kPageTokens, 2 * k + (lane / 8) % 2);
      unsigned b[4];
      load_matrices(b, tile + static_cast<unsigned>((row * kHeadSize + chunk * kChunk) * 2));
      multiply_add(scores[n], a, b[0], b[1]);
      multiply_add(scores[n + 1], a, b[2], b[3]);
    }
  }
}

/// Hides the keys after `last_key[half]` from the lane's two rows; `first_key` is the tile's.
__device__ __forceinline__ void mask_tile(float (&scores)[kTileKeys / 8][4],
                                          int first_key,
                                          const int (&last_key)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int n = 0; n < kTileKeys / 8; ++n) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int key = first_key + n * 8 + 2 * (lane % 4) + i % 2;
      if (key > last_key[i / 2]) {
        scores[n][i] = negative_infinity();
      }
    }
  }
}

/// The running result of one row over its splits, and how the next split joins it.
struct RowMerge {
  float top = negative_infinity();
  float sum = 0.0F;
  float keep = 1.0F;  // factor of what was merged before
  float take = 0.0F;  // factor of the split that joins

  /// Call once for each split, in order; then `value = join(value, split's value)` for each value.
  __device__ __forceinline__ void next(float split_top, float split_sum) {
    if (split_top == negative_infinity()) {
      keep = 1.0F;
      take = 0.0F;
      return;
    }
    const float new_top = fmaxf(top, split_top);
    keep = exp2_approximate(__fsub_rn(top, new_top));
    take = exp2_approximate(__fsub_rn(split_top, new_top));
    sum = __fmaf_rn(split_sum, take, __fmul_rn(sum, keep));
    top = new_top;
  }

  [[nodiscard]] __device__ __forceinline__ float join(float value, float split_value) const {
    return take == 0.0F ? __fmul_rn(value, keep)
                        : __fmaf_rn(split_value, take, __fmul_rn(value, keep));
  }

  [[nodiscard]] __device__ __forceinline__ float finish(float value) const {
    return __fmul_rn(value, __frcp_rn(sum));
  }
};

}  // namespace troupe::cuda
