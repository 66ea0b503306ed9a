#include "kernels/cuda/chain.cuh"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/status.h"

namespace troupe::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kWidth = 4;  // elements of a 16-byte load of the residual

__device__ float sum_over_block(float value) {
  __shared__ float partial[kWarps];
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffU, value, offset);
  }
  if (threadIdx.x % 32 == 0) {
    partial[threadIdx.x / 32] = value;
  }
  __syncthreads();
  float sum = 0.0F;
  for (int warp = 0; warp < kWarps; ++warp) {
    sum += partial[warp];
  }
  return sum;
}

__device__ float4 load_bf16(const Bf16* source) {
  const auto raw = *reinterpret_cast<const uint2*>(source);
  return {__uint_as_float(raw.x << 16U), __uint_as_float(raw.x & 0xffff0000U),
          __uint_as_float(raw.y << 16U), __uint_as_float(raw.y & 0xffff0000U)};
}

__device__ float4 add(float4 a, float4 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
}

// A thread's part of the norm's weights.
template <int kVectors>
struct Weights {
  float4 part[kVectors];
};

template <int kVectors>
__device__ Weights<kVectors> load_weights(const AddNormArgs& args) {
  Weights<kVectors> weights;
#pragma unroll
  for (int vector = 0; vector < kVectors; ++vector) {
    const int column = (vector * kThreads + static_cast<int>(threadIdx.x)) * kWidth;
    weights.part[vector] = column < args.hidden_size ? load_bf16(args.weight + column)
                                                     : float4{0.0F, 0.0F, 0.0F, 0.0F};
  }
  return weights;
}

// One block a row; a thread keeps kVectors groups of 4 elements in registers between the two
// passes.
template <int kVectors>
__global__ void __launch_bounds__(kThreads) add_norm_kernel(AddNormArgs args) {
  let_successor_begin();
  const int row = static_cast<int>(blockIdx.x);
  const auto weights = load_weights<kVectors>(args);
  wait_for_predecessor();
  const auto source_row = args.rows == nullptr ? static_cast<std::int64_t>(row)
                                               : static_cast<std::int64_t>(args.rows[row]);
  const auto source = source_row * args.hidden_size;
  float4 kept[kVectors];
  float squares = 0.0F;
#pragma unroll
  for (int vector = 0; vector < kVectors; ++vector) {
    const int column = (vector * kThreads + static_cast<int>(threadIdx.x)) * kWidth;
    kept[vector] = {0.0F, 0.0F, 0.0F, 0.0F};
    if (column < args.hidden_size) {
      auto value = *reinterpret_cast<const float4*>(args.residual + source + column);
      if (args.delta != nullptr) {
        value = add(value, load_bf16(args.delta + source + column));
        if (args.delta_bias != nullptr) {
          value = add(value, load_bf16(args.delta_bias + column));
        }
        if (args.rows == nullptr) {
          *reinterpret_cast<float4*>(args.residual + source + column) = value;
        }
      }
      kept[vector] = value;
      squares += value.x * value.x + value.y * value.y + value.z * value.z + value.w * value.w;
    }
  }
  const float mean = sum_over_block(squares) / static_cast<float>(args.hidden_size);
  const float scale = 1.0F / sqrtf(mean + args.epsilon);
  const auto target = static_cast<std::int64_t>(row) * args.hidden_size;
#pragma unroll
  for (int vector = 0; vector < kVectors; ++vector) {
    const int column = (vector * kThreads + static_cast<int>(threadIdx.x)) * kWidth;
    if (column < args.hidden_size) {
      const auto weight = weights.part[vector];
      const auto value = kept[vector];
      const __nv_bfloat162 low =
          __floats2bfloat162_rn(value.x * scale * weight.x, value.y * scale * weight.y);
      const __nv_bfloat162 high =
          __floats2bfloat162_rn(value.z * scale * weight.z, value.w * scale * weight.w);
      uint2 packed;
      packed.x = *reinterpret_cast<const unsigned*>(&low);
      packed.y = *reinterpret_cast<const unsigned*>(&high);
      *reinterpret_cast<uint2*>(args.normed + target + column) = packed;
    }
  }
}

}  // namespace

Result<void> add_norm(const AddNormArgs& args, cudaStream_t stream) {
  if (args.num_rows == 0) {
    return {};
  }
  const LaunchShape shape{.grid = dim3(static_cast<unsigned>(args.num_rows)), .threads = kThreads};
  const int vectors = (args.hidden_size + kThreads * kWidth - 1) / (kThreads * kWidth);
  if (vectors <= 1) {
    return launch_chained("add_norm", add_norm_kernel<1>, shape, args, stream);
  }
  if (vectors <= 4) {
    return launch_chained("add_norm", add_norm_kernel<4>, shape, args, stream);
  }
  if (vectors <= 8) {
    return launch_chained("add_norm", add_norm_kernel<8>, shape, args, stream);
  }
  return launch_chained("add_norm", add_norm_kernel<16>, shape, args, stream);
}

}  // namespace troupe::cuda
