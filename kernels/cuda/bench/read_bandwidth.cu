#include "kernels/cuda/bench/read_bandwidth.h"
#include "kernels/cuda/status.h"

namespace troupe::cuda {
namespace {

constexpr int kThreads = 512;
constexpr int kBlocks = 132 * 4;
// Independent loads of a thread before the first use.
constexpr int kInFlight = 8;

__global__ void __launch_bounds__(kThreads)
    read_kernel(const uint4* source, std::int64_t count, unsigned* sink) {
  unsigned sum = 0;
  const std::int64_t stride = static_cast<std::int64_t>(kBlocks) * kThreads;
  auto index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  for (; index + (kInFlight - 1) * stride < count; index += kInFlight * stride) {
    uint4 values[kInFlight];
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      values[i] = __ldcs(source + index + i * stride);
    }
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      sum ^= values[i].x ^ values[i].y ^ values[i].z ^ values[i].w;
    }
  }
  for (; index < count; index += stride) {
    const auto value = source[index];
    sum ^= value.x ^ value.y ^ value.z ^ value.w;
  }
  if (sum == 0x12345678U) {
    *sink = sum;
  }
}

}  // namespace

Result<void> read_memory(const void* source,
                         std::int64_t num_bytes,
                         unsigned* sink,
                         cudaStream_t stream) {
  read_kernel<<<kBlocks, kThreads, 0, stream>>>(static_cast<const uint4*>(source), num_bytes / 16,
                                                sink);
  return check_launch("read_memory");
}

}  // namespace troupe::cuda
