// One warp a block: blocks run at their own pace, and four of them hide each other's latency on a
// multiprocessor. Two tiles are under way while a third is computed, across units of work.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_tile.cuh"
#include "kernels/cuda/chain.cuh"
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

// Tiles of keys and of values take turns in these.
constexpr int kRingTiles = 3;
template <int kHeadSize>
constexpr int kSharedBytes = kRingTiles* kTileBytes<kHeadSize>;

// What is known of a unit of work: an item for one KV head.
struct Unit {
  DecodeItem item;
  int kv_head = 0;
  int context = 0;
  int first_row = 0;  // of the queries
  int seat = 0;

  [[nodiscard]] __device__ __forceinline__ int end_split() const {
    return item.first_split + item.num_splits;
  }

  [[nodiscard]] __device__ __forceinline__ int end_tile() const {
    return (min(context, end_split() * kSplitKeys) + kTileKeys - 1) / kTileKeys;
  }

  // Where a split of the sequence has its place in the scratch, in rows of one head.
  [[nodiscard]] __device__ __forceinline__ std::int64_t partial(int split,
                                                                int num_kv_heads,
                                                                int group) const {
    return (static_cast<std::int64_t>(item.first_partial + split) * num_kv_heads + kv_head) * group;
  }
};

// Walks this block's units, dealt round robin: items * KV heads. What leads to a unit's keys is
// asked for one unit ahead, since each of these loads takes as long as computing a tile.
class UnitWalk {
 public:
  __device__ __forceinline__ explicit UnitWalk(const DecodeAttentionArgs& args)
      : index_(static_cast<int>(blockIdx.x)),
        num_units_(min(*args.num_items, args.max_items) * args.input.cache.num_kv_heads) {
    if (!done()) {
      now_ = look_up(args, load_item(args, 0), 0);
      next_ = look_up(args, load_item(args, 1), 1);
      last_item_ = load_item(args, 2);
    }
  }

  [[nodiscard]] __device__ __forceinline__ bool done() const { return index_ >= num_units_; }

  [[nodiscard]] __device__ __forceinline__ const Unit& unit() const { return now_; }

  __device__ __forceinline__ void advance(const DecodeAttentionArgs& args) {
    index_ += static_cast<int>(gridDim.x);
    now_ = next_;
    next_ = look_up(args, last_item_, 1);
    last_item_ = load_item(args, 2);
  }

 private:
  // That of the unit so many rounds ahead; beyond the end some unit's, which nobody uses.
  [[nodiscard]] __device__ __forceinline__ int index_of(int rounds) const {
    return max(min(index_ + rounds * static_cast<int>(gridDim.x), num_units_ - 1), 0);
  }

  [[nodiscard]] __device__ __forceinline__ DecodeItem load_item(const DecodeAttentionArgs& args,
                                                                int rounds) const {
    const auto raw = *reinterpret_cast<const int4*>(args.items + index_of(rounds) /
                                                                     args.input.cache.num_kv_heads);
    return {raw.x, raw.y, raw.z, raw.w};
  }

  [[nodiscard]] __device__ __forceinline__ Unit look_up(const DecodeAttentionArgs& args,
                                                        const DecodeItem& item,
                                                        int rounds) const {
    const auto& input = args.input;
    return {item, index_of(rounds) % input.cache.num_kv_heads, input.context_lengths[item.sequence],
            input.query_starts[item.sequence], input.seats[item.sequence]};
  }

  int index_;
  int num_units_;
  Unit now_;
  Unit next_;
  DecodeItem last_item_;
};

// The tiles of all units on their way through shared memory: each one's keys, then its values.
template <int kHeadSize>
class TileRing {
 public:
  __device__ __forceinline__ TileRing(const DecodeAttentionArgs& args,
                                      const UnitWalk& first,
                                      unsigned memory)
      : memory_(memory), ahead_(first) {
    if (!ahead_.done()) {
      tile_ = ahead_.unit().item.first_split * kTilesPerSplit;
    }
    for (int tile = 0; tile < kRingTiles; ++tile) {
      // The last key of a sequence is written by the kernel in front of this one, no other is.
      if (ahead_.done() || (tile_ + 1) * kTileKeys >= ahead_.unit().context) {
        wait_for_predecessor();
      }
      start_next(args);
    }
  }

  // The oldest tile, when it is there; it stays so until `release`.
  [[nodiscard]] __device__ __forceinline__ unsigned acquire() const {
    wait_copies<kRingTiles - 1>();
    __syncwarp();
    return memory_ + slot_ * kTileBytes<kHeadSize>;
  }

  __device__ __forceinline__ void release(const DecodeAttentionArgs& args) {
    __syncwarp();
    start_next(args);
  }

 private:
  __device__ __forceinline__ void start_next(const DecodeAttentionArgs& args) {
    if (!ahead_.done()) {
      const auto& unit = ahead_.unit();
      const auto& cache = args.input.cache;
      const auto* table =
          args.input.tables + static_cast<std::int64_t>(unit.seat) * args.input.table_width;
      const auto offset = cache.key_page(0, unit.kv_head) + (is_values_ ? cache.value_offset() : 0);
      copy_tile<kHeadSize, kThreads>(memory_ + slot_ * kTileBytes<kHeadSize>, cache.data + offset,
                                     cache.block_size(), load_pages(table, tile_),
                                     unit.context - tile_ * kTileKeys);
      if (is_values_ && ++tile_ == unit.end_tile()) {
        ahead_.advance(args);
        tile_ = ahead_.unit().item.first_split * kTilesPerSplit;
      }
      is_values_ = !is_values_;
    }
    commit_copies();
    slot_ = slot_ + 1 == kRingTiles ? 0 : slot_ + 1;
  }

  unsigned memory_;
  unsigned slot_ = 0;
  UnitWalk ahead_;
  int tile_ = 0;  // absolute: keys [64 tile, 64 (tile + 1))
  bool is_values_ = false;
};

// The fragments of the group's query rows; rows beyond the group are zero.
template <int kHeadSize>
__device__ __forceinline__ void load_query(unsigned (&fragments)[kHeadSize / 16][4],
                                           const DecodeAttentionArgs& args,
                                           const Unit& unit,
                                           int group) {
  const int lane = static_cast<int>(threadIdx.x);
  const auto& input = args.input;
  const Bf16* base = input.query + static_cast<std::int64_t>(unit.first_row) * input.query_stride +
                     unit.kv_head * group * kHeadSize + 2 * (lane % 4);
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
                                              const Unit& unit,
                                              const SplitState<kHeadSize>& state,
                                              int split,
                                              int group) {
  const int lane = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = lane / 4 + 8 * half;
    if (row < group) {
      const auto index = unit.partial(split, args.input.cache.num_kv_heads, group) + row;
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
__device__ __forceinline__ bool completes(const DecodeAttentionArgs& args, const Unit& unit) {
  const int num_splits = num_decode_splits(unit.context);
  __syncwarp();
  if (unit.item.num_splits == num_splits) {
    return true;
  }
  int arrived = 0;
  if (threadIdx.x == 0) {
    auto* counter =
        args.arrived + unit.item.sequence * args.input.cache.num_kv_heads + unit.kv_head;
    asm volatile("atom.add.acq_rel.gpu.global.s32 %0, [%1], %2;"
                 : "=r"(arrived)
                 : "l"(__cvta_generic_to_global(counter)), "r"(unit.item.num_splits)
                 : "memory");
    arrived += unit.item.num_splits;
    if (arrived == num_splits) {
      *counter = 0;
    }
  }
  arrived = __shfl_sync(kFullWarp, arrived, 0);
  __syncwarp();
  return arrived == num_splits;
}

// A lane merges four neighbouring columns of a few rows over all splits, in order. Rows of a group
// side by side, so that their loads are under way together.
template <int kHeadSize, int kRowsAtOnce>
__device__ __forceinline__ void merge_splits(const DecodeAttentionArgs& args,
                                             const Unit& unit,
                                             int group) {
  const int column = static_cast<int>(threadIdx.x) * 4;
  if (column >= kHeadSize) {
    return;
  }
  const auto& input = args.input;
  const int num_splits = num_decode_splits(unit.context);
  const auto first = unit.partial(0, input.cache.num_kv_heads, group);
  const auto stride = static_cast<std::int64_t>(input.cache.num_kv_heads) * group;
  Bf16* target =
      args.attended +
      (static_cast<std::int64_t>(unit.first_row) * input.num_heads + unit.kv_head * group) *
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
__device__ __forceinline__ void attend_split(SplitState<kHeadSize>& state,
                                             const DecodeAttentionArgs& args,
                                             TileRing<kHeadSize>& ring,
                                             const unsigned (&query)[kHeadSize / 16][4],
                                             const Unit& unit,
                                             int split) {
  const float scale = args.input.scale * 1.44269504088896341F;  // exp(x) = 2^(x log2 e)
  const int last_key[2] = {unit.context - 1, unit.context - 1};
  const int end_tile = min(unit.end_tile(), (split + 1) * kTilesPerSplit);
  state.reset();
  for (int tile = split * kTilesPerSplit; tile < end_tile; ++tile) {
    float scores[kTileKeys / 8][4];
    score_tile<kHeadSize>(scores, ring.acquire(), [&](int k, unsigned(&a)[4]) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        a[i] = query[k][i];
      }
    });
    ring.release(args);
    if ((tile + 1) * kTileKeys > unit.context) {
      mask_tile(scores, tile * kTileKeys, last_key);
    }
    state.weigh(scores, scale);
    state.add_values(scores, ring.acquire());
    ring.release(args);
  }
  state.finish();
}

template <int kHeadSize>
__global__ void __launch_bounds__(kThreads) decode_attention_kernel(DecodeAttentionArgs args) {
  extern __shared__ __align__(128) unsigned char shared[];
  let_successor_begin();
  const int group = args.input.num_heads / args.input.cache.num_kv_heads;
  UnitWalk walk(args);
  TileRing<kHeadSize> ring(args, walk, shared_address(shared));
  wait_for_predecessor();
  unsigned query[kHeadSize / 16][4];
  if (!walk.done()) {
    load_query<kHeadSize>(query, args, walk.unit(), group);
  }
  while (!walk.done()) {
    const Unit unit = walk.unit();
    walk.advance(args);
    for (int split = unit.item.first_split; split < unit.end_split(); ++split) {
      SplitState<kHeadSize> state;
      attend_split<kHeadSize>(state, args, ring, query, unit, split);
      if (split + 1 == unit.end_split()) {
        load_query<kHeadSize>(query, args, walk.unit(), group);
      }
      store_partial<kHeadSize>(args, unit, state, split, group);
    }
    if (completes(args, unit)) {
      if (group == 1) {
        merge_splits<kHeadSize, 1>(args, unit, group);
      } else {
        merge_splits<kHeadSize, 4>(args, unit, group);
      }
    }
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
  return launch_chained("decode_attention", decode_attention_kernel<kHeadSize>,
                        {.grid = dim3(static_cast<unsigned>(args.num_blocks)),
                         .threads = kThreads,
                         .shared_bytes = kSharedBytes<kHeadSize>},
                        args, stream);
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
