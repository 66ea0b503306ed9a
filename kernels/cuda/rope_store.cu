#include "kernels/cuda/chain.cuh"
#include "kernels/cuda/rope_store.h"
#include "kernels/cuda/status.h"

namespace troupe::cuda {
namespace {

// One warp a head, a few heads a block: the work of a warp is short, and its loads are independent.
constexpr int kWarps = 4;
constexpr int kMaxHeadSize = 128;
// Pairs of elements that a lane holds of each half of a head.
constexpr int kMaxPairs = kMaxHeadSize / 2 / 32;

__device__ float2 load_pair(const Bf16* source) {
  const auto raw = *reinterpret_cast<const unsigned*>(source);
  return {__uint_as_float(raw << 16U), __uint_as_float(raw & 0xffff0000U)};
}

__device__ void store_pair(Bf16* target, float2 value) {
  *reinterpret_cast<__nv_bfloat162*>(target) = __floats2bfloat162_rn(value.x, value.y);
}

__device__ float sum_over_warp(float value) {
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffU, value, offset);
  }
  return value;
}

// A head in registers: pair p of lane l holds the elements 2 (l + 32 p) and the one after it.
struct Head {
  float2 pair[kMaxPairs];
};

__device__ void load_head(Head& head, const Bf16* source, const Bf16* bias, int head_size) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int p = 0; p < kMaxPairs; ++p) {
    const int element = 2 * (lane + 32 * p);
    head.pair[p] = {0.0F, 0.0F};
    if (element < head_size) {
      head.pair[p] = load_pair(source + element);
      if (bias != nullptr) {
        const auto added = load_pair(bias + element);
        head.pair[p] = {head.pair[p].x + added.x, head.pair[p].y + added.y};
      }
    }
  }
}

__device__ void normalise(Head& head, const Bf16* weight, int head_size, float epsilon) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  float squares = 0.0F;
#pragma unroll
  for (int p = 0; p < kMaxPairs; ++p) {
    squares += head.pair[p].x * head.pair[p].x + head.pair[p].y * head.pair[p].y;
  }
  const float mean = sum_over_warp(squares) / static_cast<float>(head_size);
  const float scale = 1.0F / sqrtf(mean + epsilon);
#pragma unroll
  for (int p = 0; p < kMaxPairs; ++p) {
    const int element = 2 * (lane + 32 * p);
    if (element < head_size) {
      const auto factor = load_pair(weight + element);
      head.pair[p] = {head.pair[p].x * scale * factor.x, head.pair[p].y * scale * factor.y};
    }
  }
}

// Rotate-half form: element i < rotary / 2 pairs with i + rotary / 2. The halves meet in shared
// memory, since their lanes differ with the head size.
__device__ void rotate(Head& head, float* shared, const float2* angles, int rotary_dim) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int half = rotary_dim / 2;
#pragma unroll
  for (int p = 0; p < kMaxPairs; ++p) {
    const int element = 2 * (lane + 32 * p);
    shared[element] = head.pair[p].x;
    shared[element + 1] = head.pair[p].y;
  }
  __syncwarp();
#pragma unroll
  for (int p = 0; p < kMaxPairs; ++p) {
    const int element = 2 * (lane + 32 * p);
    if (element < rotary_dim) {
      const bool first = element < half;
      const int index = first ? element : element - half;
      const int partner = first ? element + half : index;
      const float sign = first ? -1.0F : 1.0F;
      const auto a = angles[index];
      const auto b = angles[index + 1];
      head.pair[p] = {head.pair[p].x * a.x + sign * shared[partner] * a.y,
                      head.pair[p].y * b.x + sign * shared[partner + 1] * b.y};
    }
  }
}

__device__ void store_to_cache(const Head& head, Bf16* page, int token, int head_size) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int p = 0; p < kMaxPairs; ++p) {
    const int element = 2 * (lane + 32 * p);
    if (element < head_size) {
      const int chunk = permuted_chunk(head_size, token, element / kChunk);
      store_pair(page + token * head_size + chunk * kChunk + element % kChunk, head.pair[p]);
    }
  }
}

__global__ void __launch_bounds__(kWarps * 32) rope_store_kernel(RopeStoreArgs args) {
  __shared__ float shared[kWarps][kMaxHeadSize];
  let_successor_begin();
  wait_for_predecessor();
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int num_kv_heads = args.cache.num_kv_heads;
  const int head_size = args.cache.head_size;
  const int num_all = args.num_heads + 2 * num_kv_heads;
  const int index = static_cast<int>(blockIdx.y) * kWarps + warp;
  if (index >= num_all) {
    return;
  }
  const int token = static_cast<int>(blockIdx.x);
  const bool is_query = index < args.num_heads;
  const bool is_value = index >= args.num_heads + num_kv_heads;
  Bf16* source = args.qkv + (static_cast<std::int64_t>(token) * num_all + index) * head_size;
  Head head;
  load_head(head, source, args.bias == nullptr ? nullptr : args.bias + index * head_size,
            head_size);
  if (!is_value) {
    if (args.query_norm != nullptr) {
      normalise(head, is_query ? args.query_norm : args.key_norm, head_size, args.norm_epsilon);
    }
    const auto row = static_cast<std::int64_t>(args.positions[token]) * (args.rotary_dim / 2);
    rotate(head, shared[warp], args.rope + row, args.rotary_dim);
  }
  if (is_query) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int p = 0; p < kMaxPairs; ++p) {
      const int element = 2 * (lane + 32 * p);
      if (element < head_size) {
        store_pair(source + element, head.pair[p]);
      }
    }
    return;
  }
  const auto slot = args.slots[token];
  if (slot >= 0) {
    const int kv_head = index - args.num_heads - (is_value ? num_kv_heads : 0);
    Bf16* page = args.cache.data + args.cache.key_page(slot / kPageTokens, kv_head) +
                 (is_value ? args.cache.value_offset() : 0);
    store_to_cache(head, page, slot % kPageTokens, head_size);
  }
}

__global__ void rope_table_kernel(RopeTableArgs args) {
  const auto index = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (index >= static_cast<std::int64_t>(args.num_positions) * args.num_pairs) {
    return;
  }
  const auto position = static_cast<float>(index / args.num_pairs);
  const float angle = position * args.inverse_frequency[index % args.num_pairs];
  float sine = 0.0F;
  float cosine = 0.0F;
  sincosf(angle, &sine, &cosine);
  args.table[index] = {cosine * args.attention_factor, sine * args.attention_factor};
}

}  // namespace

Result<void> rope_store(const RopeStoreArgs& args, cudaStream_t stream) {
  if (args.num_tokens == 0) {
    return {};
  }
  const int num_all = args.num_heads + 2 * args.cache.num_kv_heads;
  const dim3 grid(static_cast<unsigned>(args.num_tokens),
                  static_cast<unsigned>((num_all + kWarps - 1) / kWarps));
  return launch_chained("rope_store", rope_store_kernel, {.grid = grid, .threads = kWarps * 32},
                        args, stream);
}

Result<void> rope_table(const RopeTableArgs& args, cudaStream_t stream) {
  constexpr int kThreads = 256;
  const auto size = static_cast<std::int64_t>(args.num_positions) * args.num_pairs;
  rope_table_kernel<<<static_cast<unsigned>((size + kThreads - 1) / kThreads), kThreads, 0,
                      stream>>>(args);
  return check_launch("rope_table");
}

}  // namespace troupe::cuda
