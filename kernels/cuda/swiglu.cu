#include "kernels/cuda/chain.cuh"
#include "kernels/cuda/swiglu.h"

namespace troupe::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWidth = 8;  // elements of a 16-byte load

struct Eight {
  float value[kWidth];
};

__device__ Eight load(const Bf16* source) {
  const auto raw = *reinterpret_cast<const uint4*>(source);
  const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
  Eight eight;
#pragma unroll
  for (int word = 0; word < 4; ++word) {
    eight.value[2 * word] = __uint_as_float(words[word] << 16U);
    eight.value[2 * word + 1] = __uint_as_float(words[word] & 0xffff0000U);
  }
  return eight;
}

__device__ void store(Bf16* target, const Eight& eight) {
  uint4 raw;
  unsigned* words = &raw.x;
#pragma unroll
  for (int word = 0; word < 4; ++word) {
    const __nv_bfloat162 pair =
        __floats2bfloat162_rn(eight.value[2 * word], eight.value[2 * word + 1]);
    words[word] = *reinterpret_cast<const unsigned*>(&pair);
  }
  *reinterpret_cast<uint4*>(target) = raw;
}

__global__ void __launch_bounds__(kThreads) swiglu_kernel(SwigluArgs args) {
  let_successor_begin();
  const int token = static_cast<int>(blockIdx.x);
  wait_for_predecessor();
  const std::int64_t size = args.intermediate_size;
  const int column =
      (static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x)) * kWidth;
  if (column >= args.intermediate_size) {
    return;
  }
  const Bf16* row = args.gate_up + static_cast<std::int64_t>(token) * 2 * size + column;
  auto gate = load(row);
  auto up = load(row + size);
  if (args.bias != nullptr) {
    const auto gate_bias = load(args.bias + column);
    const auto up_bias = load(args.bias + size + column);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      gate.value[i] += gate_bias.value[i];
      up.value[i] += up_bias.value[i];
    }
  }
  Eight result;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    result.value[i] = __fdividef(gate.value[i], 1.0F + __expf(-gate.value[i])) * up.value[i];
  }
  store(args.activated + static_cast<std::int64_t>(token) * size + column, result);
}

}  // namespace

Result<void> swiglu(const SwigluArgs& args, cudaStream_t stream) {
  if (args.num_tokens == 0) {
    return {};
  }
  const dim3 grid(static_cast<unsigned>(args.num_tokens),
                  static_cast<unsigned>((args.intermediate_size + kThreads * kWidth - 1) /
                                        (kThreads * kWidth)));
  return launch_chained("swiglu", swiglu_kernel, {.grid = grid, .threads = kThreads}, args, stream);
}

}  // namespace troupe::cuda
