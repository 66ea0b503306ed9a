// One warp a block: blocks run at their own pace, and four of them hide each other's latency on a
// multiprocessor. Keys of the next tile are under way while this one is computed, across items.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_tile.cuh"
#include "kernels/cuda/status.h"

#include <string>
#include <utility>

namespace troupe::cuda {
namespace {

static_assert(kDecodeSplitKeys == kSplitKeys);
static_assert(kMaxGroup == kRowsPerWarp);

constexpr int kThreads = 32;
constexpr int kTilesPerSplit = kSplitKeys / kTileKeys;

template <int kHeadSize>
constexpr int kTileBytes = kTileKeys* kHeadSize * 2;

// Two tiles of keys, one of values.
template <int kHeadSize>
constexpr int kSharedBytes = 3 * kTileBytes<kHeadSize>;

// Walks the tiles of this block's items: items * KV heads units, dealt round robin.
struct TileCursor {
  int unit = 0;
  int num_units = 0;
  int tile = 0;      // absolute: keys [64 tile, 64 (tile + 1))
  int end_tile = 0;  // of the unit
  int sequence = 0;
  int num_splits = 0;     // of the unit
  int first_partial = 0;  // of the sequence
  int kv_head = 0;
  int context = 0;
  const std::int32_t* table = nullptr;

  // Where a split of the sequence has its place in the scratch, in rows of one head.
  __device__ __forceinline__ std::int64_t partial(int split, int num_kv_heads, int group) const {
    return (static_cast<std::int64_t>(first_partial + split) * num_kv_heads + kv_head) * group;
  }

  __device__ __forceinline__ bool done() const { return unit >= num_units; }

  __device__ __forceinline__ void open(const DecodeAttentionArgs& args) {
    if (done()) {
      return;
    }
    const auto& input = args.input;
    const auto item = args.items[unit / input.cache.num_kv_heads];
    kv_head = unit % input.cache.num_kv_heads;
    sequence = item.sequence;
    num_splits = item.num_splits;
    first_partial = item.first_partial;
    context = input.context_lengths[sequence];
    const int end = min(context, (item.first_split + num_splits) * kSplitKeys);
    tile = item.first_split * kTilesPerSplit;
    end_tile = (end + kTileKeys - 1) / kTileKeys;
    table = input.tables + static_cast<std::int64_t>(input.seats[sequence]) * input.table_width;
  }

  __device__ __forceinline__ void advance(const DecodeAttentionArgs& args) {
    if (++tile == end_tile) {
      unit += static_cast<int>(gridDim.x);
      open(args);
    }
  }
};

template <int kHeadSize>
__device__ __forceinline__ void start_copy(const DecodeAttentionArgs& args,
                                           const TileCursor& cursor,
                                           std::int64_t offset,
                                           unsigned target) {
  if (!cursor.done()) {
    const auto& cache = args.input.cache;
    copy_tile<kHeadSize, kThreads>(target, cache.data + cache.key_page(0, cursor.kv_head) + offset,
                                   cache.block_size(), load_pages(cursor.table, cursor.tile),
                                   cursor.context - cursor.tile * kTileKeys);
  }
  commit_copies();
}

// The fragments of the group's query rows; rows beyond the group are zero.
template <int kHeadSize>
__device__ __forceinline__ void load_query(unsigned (&fragments)[kHeadSize / 16][4],
                                           const DecodeAttentionArgs& args,
                                           const TileCursor& cursor,
                                           int group) {
  const int lane = static_cast<int>(threadIdx.x);
  const auto& input = args.input;
  const Bf16* base =
      input.query +
      static_cast<std::int64_t>(input.query_starts[cursor.sequence]) * input.query_stride +
      cursor.kv_head * group * kHeadSize + 2 * (lane % 4);
#pragma unroll
  for (int k = 0; k < kHeadSize / 16; ++k) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + 8 * (i % 2);
      fragments[k][i] =
          row < group
              ? *reinterpret_cast<const unsigned*>(base + row * kHeadSize + k * 16 + 8 * (i / 2))
              : 0U;
    }
  }
}

template <int kHeadSize>
__device__ __forceinline__ void store_partial(const DecodeAttentionArgs& args,
                                              const TileCursor& cursor,
                                              const SplitState<kHeadSize>& state,
                                              int split,
                                              int group) {
  const int lane = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = lane / 4 + 8 * half;
    if (row < group) {
      const auto index = cursor.partial(split, args.input.cache.num_kv_heads, group) + row;
      float* target = args.partial_values + index * kHeadSize + 2 * (lane % 4);
#pragma unroll
      for (int n = 0; n < kHeadSize / 8; ++n) {
        *reinterpret_cast<float2*>(target + n * 8) = {state.values[n][2 * half],
                                                      state.values[n][2 * half + 1]};
      }
      if (lane % 4 == 0) {
        args.partial_sums[index] = {state.top[half], state.sum[half]};
      }
    }
  }
}

// Whether all splits of this unit's sequence and head are there; then this warp sees what the
// others stored. One that has them all need not ask.
__device__ __forceinline__ bool completes(const DecodeAttentionArgs& args,
                                          const TileCursor& cursor) {
  const int num_splits = num_decode_splits(cursor.context);
  if (cursor.num_splits == num_splits) {
    __syncwarp();
    return true;
  }
  __threadfence();
  __syncwarp();
  int arrived = 0;
  if (threadIdx.x == 0) {
    auto* counter = args.arrived + cursor.sequence * args.input.cache.num_kv_heads + cursor.kv_head;
    arrived = atomicAdd(counter, cursor.num_splits) + cursor.num_splits;
    if (arrived == num_splits) {
      *counter = 0;
    }
  }
  arrived = __shfl_sync(kFullWarp, arrived, 0);
  __threadfence();
  return arrived == num_splits;
}

// A lane merges four neighbouring columns of a few rows over all splits, in order. Rows of a group
// side by side, so that their loads are under way together.
template <int kHeadSize, int kRowsAtOnce>
__device__ __forceinline__ void merge_splits(const DecodeAttentionArgs& args,
                                             const TileCursor& cursor,
                                             int group) {
  const int column = static_cast<int>(threadIdx.x) * 4;
  if (column >= kHeadSize) {
    return;
  }
  const auto& input = args.input;
  const int num_splits = num_decode_splits(cursor.context);
  const auto first = cursor.partial(0, input.cache.num_kv_heads, group);
  const auto stride = static_cast<std::int64_t>(input.cache.num_kv_heads) * group;
  Bf16* target = args.attended +
                 (static_cast<std::int64_t>(input.query_starts[cursor.sequence]) * input.num_heads +
                  cursor.kv_head * group) *
                     kHeadSize +
                 column;
  for (int first_row = 0; first_row < group; first_row += kRowsAtOnce) {
    RowMerge merge[kRowsAtOnce];
    float4 value[kRowsAtOnce] = {};
    const int num_rows = min(kRowsAtOnce, group - first_row);
#pragma unroll(8 / kRowsAtOnce)
    for (int split = 0; split < num_splits; ++split) {
#pragma unroll
      for (int row = 0; row < kRowsAtOnce; ++row) {
        const bool live = row < num_rows;
        const auto index = first + first_row + row + split * stride;
        const auto sums =
            live ? __ldcg(args.partial_sums + index) : float2{negative_infinity(), 0.0F};
        const auto part = live ? __ldcg(reinterpret_cast<const float4*>(args.partial_values +
                                                                        index * kHeadSize + column))
                               : float4{0.0F, 0.0F, 0.0F, 0.0F};
        merge[row].next(sums.x, sums.y);
        value[row] = {merge[row].join(value[row].x, part.x), merge[row].join(value[row].y, part.y),
                      merge[row].join(value[row].z, part.z), merge[row].join(value[row].w, part.w)};
      }
    }
#pragma unroll
    for (int row = 0; row < kRowsAtOnce; ++row) {
      if (row < num_rows) {
        uint2 packed;
        packed.x = pack(merge[row].finish(value[row].x), merge[row].finish(value[row].y));
        packed.y = pack(merge[row].finish(value[row].z), merge[row].finish(value[row].w));
        *reinterpret_cast<uint2*>(target + (first_row + row) * kHeadSize) = packed;
      }
    }
  }
}

template <int kHeadSize>
__global__ void __launch_bounds__(kThreads) decode_attention_kernel(DecodeAttentionArgs args) {
  extern __shared__ __align__(128) unsigned char shared[];
  const unsigned keys = shared_address(shared);
  const unsigned values = keys + 2 * kTileBytes<kHeadSize>;
  const auto& cache = args.input.cache;
  const int group = args.input.num_heads / cache.num_kv_heads;
  const float scale = args.input.scale * 1.44269504088896341F;  // exp(x) = 2^(x log2 e)

  TileCursor cursor;
  cursor.unit = static_cast<int>(blockIdx.x);
  cursor.num_units = min(*args.num_items, args.max_items) * cache.num_kv_heads;
  cursor.open(args);
  TileCursor ahead = cursor;
  start_copy<kHeadSize>(args, cursor, 0, keys);
  unsigned stage = 0;
  while (!cursor.done()) {
    unsigned query[kHeadSize / 16][4];
    load_query<kHeadSize>(query, args, cursor, group);
    SplitState<kHeadSize> state;
    state.reset();
    const int last_key[2] = {cursor.context - 1, cursor.context - 1};
    const int split = cursor.tile / kTilesPerSplit;
    const int end_tile = min(cursor.end_tile, (split + 1) * kTilesPerSplit);
    for (int tile = cursor.tile; tile < end_tile; ++tile) {
      cursor.tile = tile;
      start_copy<kHeadSize>(args, cursor, cache.value_offset(), values);
      ahead.advance(args);
      wait_copies<1>();
      __syncwarp();
      float scores[kTileKeys / 8][4];
      score_tile<kHeadSize>(scores, keys + stage * kTileBytes<kHeadSize>,
                            [&](int k, unsigned(&a)[4]) {
#pragma unroll
                              for (int i = 0; i < 4; ++i) {
                                a[i] = query[k][i];
                              }
                            });
      stage ^= 1U;
      start_copy<kHeadSize>(args, ahead, 0, keys + stage * kTileBytes<kHeadSize>);
      if ((tile + 1) * kTileKeys > cursor.context) {
        mask_tile(scores, tile * kTileKeys, last_key);
      }
      state.weigh(scores, scale);
      wait_copies<1>();
      __syncwarp();
      state.add_values(scores, values);
      __syncwarp();
    }
    state.finish();
    store_partial<kHeadSize>(args, cursor, state, split, group);
    if (end_tile == cursor.end_tile && completes(args, cursor)) {
      if (group == 1) {
        merge_splits<kHeadSize, 1>(args, cursor, group);
      } else {
        merge_splits<kHeadSize, 4>(args, cursor, group);
      }
    }
    cursor = ahead;
  }
}

template <int kHeadSize>
Result<void> prepare() {
  return check(
      cudaFuncSetAttribute(decode_attention_kernel<kHeadSize>,
                           cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes<kHeadSize>),
      "cudaFuncSetAttribute decode_attention");
}

template <int kHeadSize>
Result<void> launch(const DecodeAttentionArgs& args, cudaStream_t stream) {
  decode_attention_kernel<kHeadSize>
      <<<static_cast<unsigned>(args.num_blocks), kThreads, kSharedBytes<kHeadSize>, stream>>>(args);
  return check_launch("decode_attention");
}

template <int kHeadSize>
Result<std::int32_t> count_blocks() {
  if (auto prepared = prepare<kHeadSize>(); !prepared) {
    return pass(std::move(prepared));
  }
  int device = 0;
  int processors = 0;
  int per_processor = 0;
  const cudaError_t statuses[] = {
      cudaGetDevice(&device),
      cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(
          &per_processor, decode_attention_kernel<kHeadSize>, kThreads, kSharedBytes<kHeadSize>),
  };
  for (const auto status : statuses) {
    if (auto asked = check(status, "decode_attention occupancy"); !asked) {
      return pass(std::move(asked));
    }
  }
  return processors * per_processor;
}

}  // namespace

Result<std::int32_t> decode_attention_blocks(std::int32_t head_size) {
  switch (head_size) {
    case 64:
      return count_blocks<64>();
    case 96:
      return count_blocks<96>();
    case 128:
      return count_blocks<128>();
    default:
      return fail(ErrorCode::unsupported,
                  "attention for head size " + std::to_string(head_size) + " (64, 96, 128 exist)");
  }
}

Result<void> decode_attention(const DecodeAttentionArgs& args, cudaStream_t stream) {
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
