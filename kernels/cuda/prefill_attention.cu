// Four warps a block share tiles of keys and values in two-stage rings; each warp holds 16 packed
// rows, row r = token * group + head of the group. Two blocks fit a multiprocessor, so that one
// multiplies while the other exponentiates.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_tile.cuh"
#include "kernels/cuda/status.h"

#include <string>
#include <utility>

namespace troupe::cuda {
namespace {

constexpr int kWarps = kPrefillRows / kRowsPerWarp;
constexpr int kThreads = kWarps * 32;
constexpr int kTilesPerSplit = kSplitKeys / kTileKeys;

template <int kHeadSize>
constexpr int kTileBytes = kTileKeys* kHeadSize * 2;

template <int kHeadSize>
constexpr int kQueryBytes = kPrefillRows* kHeadSize * 2;

// Queries, two tiles of keys, two of values.
template <int kHeadSize>
constexpr int kSharedBytes = kQueryBytes<kHeadSize> + 4 * kTileBytes<kHeadSize>;

// The rows of this block, and the keys that they see.
struct Rows {
  int group = 0;
  int first_row = 0;
  int num_rows = 0;     // of the whole sequence
  int first_token = 0;  // of the sequence, in the step
  int first_position = 0;
  int context = 0;
  int kv_head = 0;
  const std::int32_t* table = nullptr;

  // The last key that a packed row sees; a row past the end sees none.
  __device__ __forceinline__ int last_key(int row) const {
    return row < num_rows ? first_position + row / group : -1;
  }

  // The last key that any of the rows [row, row + count) sees.
  __device__ __forceinline__ int last_key_of(int row, int count) const {
    return row < num_rows ? last_key(min(row + count, num_rows) - 1) : -1;
  }
};

__device__ __forceinline__ Rows open_rows(const PrefillAttentionArgs& args) {
  const auto& input = args.input;
  const auto item = args.items[blockIdx.x / input.cache.num_kv_heads];
  Rows rows;
  rows.kv_head = static_cast<int>(blockIdx.x) % input.cache.num_kv_heads;
  rows.group = input.num_heads / input.cache.num_kv_heads;
  rows.first_row = item.first_row;
  rows.first_token = input.query_starts[item.sequence];
  const int length = input.query_lengths[item.sequence];
  rows.num_rows = length * rows.group;
  rows.context = input.context_lengths[item.sequence];
  rows.first_position = rows.context - length;
  rows.table =
      input.tables + static_cast<std::int64_t>(input.seats[item.sequence]) * input.table_width;
  return rows;
}

template <int kHeadSize>
__device__ __forceinline__ void copy_query(unsigned target,
                                           const PrefillAttentionArgs& args,
                                           const Rows& rows) {
  constexpr int kChunksPerRow = kHeadSize / kChunk;
  const auto& input = args.input;
  const Bf16* base = input.query +
                     static_cast<std::int64_t>(rows.first_token) * input.query_stride +
                     rows.kv_head * rows.group * kHeadSize;
#pragma unroll 4
  for (int index = static_cast<int>(threadIdx.x); index < kPrefillRows * kChunksPerRow;
       index += kThreads) {
    const int local = index / kChunksPerRow;
    const int chunk = index % kChunksPerRow;
    const int row = rows.first_row + local;
    const bool valid = row < rows.num_rows;
    const Bf16* source = base + static_cast<std::int64_t>(row / rows.group) * input.query_stride +
                         (row % rows.group) * kHeadSize + chunk * kChunk;
    const int place = permuted_chunk(kHeadSize, local % kPageTokens, chunk);
    copy_async(target + static_cast<unsigned>((local * kHeadSize + place * kChunk) * 2),
               valid ? source : base, valid);
  }
}

template <int kHeadSize>
__device__ __forceinline__ void start_copy(const PrefillAttentionArgs& args,
                                           const Rows& rows,
                                           int tile,
                                           std::int64_t offset,
                                           unsigned target) {
  const auto& cache = args.input.cache;
  copy_tile<kHeadSize, kThreads>(target, cache.data + cache.key_page(0, rows.kv_head) + offset,
                                 cache.block_size(), load_pages(rows.table, tile),
                                 rows.context - tile * kTileKeys);
}

// The result of a warp's rows over the splits so far.
template <int kHeadSize>
struct Output {
  static constexpr int kBlocks = kHeadSize / 8;

  float values[kBlocks][4];
  RowMerge merge[2];

  __device__ __forceinline__ void reset() {
#pragma unroll
    for (int n = 0; n < kBlocks; ++n) {
      values[n][0] = values[n][1] = values[n][2] = values[n][3] = 0.0F;
    }
  }

  __device__ __forceinline__ void join(SplitState<kHeadSize>& split) {
    split.finish();
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      merge[half].next(split.top[half], split.sum[half]);
#pragma unroll
      for (int n = 0; n < kBlocks; ++n) {
#pragma unroll
        for (int i = 2 * half; i < 2 * half + 2; ++i) {
          values[n][i] = merge[half].join(values[n][i], split.values[n][i]);
        }
      }
    }
  }

  __device__ __forceinline__ void store(const PrefillAttentionArgs& args,
                                        const Rows& rows,
                                        int warp_row) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = warp_row + lane / 4 + 8 * half;
      if (row < rows.num_rows) {
        const auto token = static_cast<std::int64_t>(rows.first_token + row / rows.group);
        const int head = rows.kv_head * rows.group + row % rows.group;
        Bf16* target =
            args.attended + (token * args.input.num_heads + head) * kHeadSize + 2 * (lane % 4);
#pragma unroll
        for (int n = 0; n < kBlocks; ++n) {
          *reinterpret_cast<unsigned*>(target + n * 8) = pack(
              merge[half].finish(values[n][2 * half]), merge[half].finish(values[n][2 * half + 1]));
        }
      }
    }
  }
};

template <int kHeadSize>
__global__ void __launch_bounds__(kThreads, 2) prefill_attention_kernel(PrefillAttentionArgs args) {
  extern __shared__ __align__(128) unsigned char shared[];
  const unsigned queries = shared_address(shared);
  const unsigned keys = queries + kQueryBytes<kHeadSize>;
  const unsigned values = keys + 2 * kTileBytes<kHeadSize>;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const float scale = args.input.scale * 1.44269504088896341F;  // exp(x) = 2^(x log2 e)
  const auto value_offset = args.input.cache.value_offset();

  const Rows rows = open_rows(args);
  const int warp_row = rows.first_row + warp * kRowsPerWarp;
  const int last_key[2] = {rows.last_key(warp_row + lane / 4),
                           rows.last_key(warp_row + lane / 4 + 8)};
  const int first_row_last_key = rows.last_key(warp_row);
  const int warp_last_key = rows.last_key_of(warp_row, kRowsPerWarp);
  const int num_tiles = rows.last_key_of(rows.first_row, kPrefillRows) / kTileKeys + 1;

  copy_query<kHeadSize>(queries, args, rows);
  start_copy<kHeadSize>(args, rows, 0, 0, keys);
  commit_copies();
  start_copy<kHeadSize>(args, rows, 0, value_offset, values);
  commit_copies();

  Output<kHeadSize> output;
  output.reset();
  SplitState<kHeadSize> state;
  state.reset();
  for (int tile = 0; tile < num_tiles; ++tile) {
    const auto stage = static_cast<unsigned>(tile % 2) * kTileBytes<kHeadSize>;
    const auto next_stage = static_cast<unsigned>((tile + 1) % 2) * kTileBytes<kHeadSize>;
    const bool more = tile + 1 < num_tiles;
    const bool seen = tile * kTileKeys <= warp_last_key;
    wait_copies<1>();
    __syncthreads();
    if (more) {
      start_copy<kHeadSize>(args, rows, tile + 1, 0, keys + next_stage);
    }
    commit_copies();
    float scores[kTileKeys / 8][4];
    if (seen) {
      score_tile<kHeadSize>(scores, keys + stage, [&](int k, unsigned(&a)[4]) {
        const int row = warp * kRowsPerWarp + lane % 16;
        const int chunk = permuted_chunk(kHeadSize, lane % 16, 2 * k + lane / 16);
        load_matrices(a, queries + static_cast<unsigned>((row * kHeadSize + chunk * kChunk) * 2));
      });
      if ((tile + 1) * kTileKeys - 1 > first_row_last_key) {
        mask_tile(scores, tile * kTileKeys, last_key);
      }
      state.weigh(scores, scale);
    }
    wait_copies<1>();
    __syncthreads();
    if (more) {
      start_copy<kHeadSize>(args, rows, tile + 1, value_offset, values + next_stage);
    }
    commit_copies();
    if (seen) {
      state.add_values(scores, values + stage);
      if (tile % kTilesPerSplit == kTilesPerSplit - 1 || (tile + 1) * kTileKeys > warp_last_key) {
        output.join(state);
        state.reset();
      }
    }
  }
  output.store(args, rows, warp_row);
}

template <int kHeadSize>
Result<void> launch(const PrefillAttentionArgs& args, cudaStream_t stream) {
  if (auto prepared = check(cudaFuncSetAttribute(prefill_attention_kernel<kHeadSize>,
                                                 cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                 kSharedBytes<kHeadSize>),
                            "cudaFuncSetAttribute prefill_attention");
      !prepared) {
    return prepared;
  }
  const auto blocks =
      static_cast<unsigned>(args.num_items) * static_cast<unsigned>(args.input.cache.num_kv_heads);
  prefill_attention_kernel<kHeadSize><<<blocks, kThreads, kSharedBytes<kHeadSize>, stream>>>(args);
  return check_launch("prefill_attention");
}

}  // namespace

Result<void> prefill_attention(const PrefillAttentionArgs& args, cudaStream_t stream) {
  if (args.num_items == 0) {
    return {};
  }
  switch (args.input.cache.head_size) {
    case 64:
      return launch<64>(args, stream);
    case 96:
      return launch<96>(args, stream);
    default:
      return launch<128>(args, stream);
  }
}

}  // namespace troupe::cuda
