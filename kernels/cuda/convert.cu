#include "engine/base/random.h"
#include "kernels/cuda/convert.h"
#include "kernels/cuda/status.h"

#include <algorithm>

namespace troupe::cuda {
namespace {

constexpr int kThreads = 256;
// More blocks than any device runs at once; each thread strides over the rest.
constexpr std::int64_t kMaxBlocks = 4096;

unsigned blocks_for(std::int64_t count) {
  return static_cast<unsigned>(std::min((count + kThreads - 1) / kThreads, kMaxBlocks));
}

__device__ std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
}

__device__ std::int64_t stride() {
  return static_cast<std::int64_t>(gridDim.x) * kThreads;
}

__global__ void convert_kernel(const float* source, Bf16* target, std::int64_t count) {
  for (auto index = first_index(); index < count; index += stride()) {
    target[index] = __float2bfloat16_rn(source[index]);
  }
}

__global__ void convert_kernel(const __half* source, Bf16* target, std::int64_t count) {
  for (auto index = first_index(); index < count; index += stride()) {
    target[index] = __float2bfloat16_rn(__half2float(source[index]));
  }
}

__global__ void fill_kernel(Bf16* target, std::int64_t count, float bound, std::uint64_t seed) {
  for (auto index = first_index(); index < count; index += stride()) {
    const auto bits = random_bits(seed, static_cast<std::uint64_t>(index)) >> 40U;
    const float unit = static_cast<float>(bits) * 0x1p-23F - 1.0F;
    target[index] = __float2bfloat16_rn(unit * bound);
  }
}

}  // namespace

Result<void> convert(const float* source, Bf16* target, std::int64_t count, cudaStream_t stream) {
  convert_kernel<<<blocks_for(count), kThreads, 0, stream>>>(source, target, count);
  return check_launch("convert");
}

Result<void> convert(const __half* source, Bf16* target, std::int64_t count, cudaStream_t stream) {
  convert_kernel<<<blocks_for(count), kThreads, 0, stream>>>(source, target, count);
  return check_launch("convert");
}

Result<void> fill_random(
    Bf16* target, std::int64_t count, float bound, std::uint64_t seed, cudaStream_t stream) {
  fill_kernel<<<blocks_for(count), kThreads, 0, stream>>>(target, count, bound, seed);
  return check_launch("fill_random");
}

}  // namespace troupe::cuda
