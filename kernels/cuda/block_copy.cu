#include "kernels/cuda/block_copy.h"
#include "kernels/cuda/status.h"

namespace troupe::cuda {
namespace {

constexpr int kThreads = 256;
// 16-byte loads of a thread before its first store: the host link answers late.
constexpr int kInFlight = 4;

// One block of threads a layer of a block of the cache.
__global__ void __launch_bounds__(kThreads) copy_blocks_kernel(BlockCopyArgs args) {
  const auto pair = args.pairs.data()[blockIdx.x];
  const std::int64_t layer = blockIdx.y;
  const auto* from = reinterpret_cast<const uint4*>(
      args.from.data + layer * args.from.layer_stride + pair.from * args.from.block_stride);
  auto* to = reinterpret_cast<uint4*>(args.to.data + layer * args.to.layer_stride +
                                      pair.to * args.to.block_stride);
  const auto count = static_cast<int>(args.block_bytes / 16);
  for (int first = static_cast<int>(threadIdx.x); first < count; first += kThreads * kInFlight) {
    uint4 values[kInFlight];
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      const int index = first + i * kThreads;
      values[i] = index < count ? __ldcs(from + index) : uint4{};
    }
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      const int index = first + i * kThreads;
      if (index < count) {
        __stcs(to + index, values[i]);
      }
    }
  }
}

}  // namespace

Result<void> copy_blocks(const BlockCopyArgs& args, cudaStream_t stream) {
  if (args.num_pairs == 0) {
    return {};
  }
  const dim3 grid(static_cast<unsigned>(args.num_pairs), static_cast<unsigned>(args.num_layers));
  copy_blocks_kernel<<<grid, kThreads, 0, stream>>>(args);
  return check_launch("copy_blocks");
}

}  // namespace troupe::cuda
