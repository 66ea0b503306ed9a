#include "kernels/cuda/chain.cuh"
#include "kernels/cuda/embed.h"
#include "kernels/cuda/status.h"

namespace troupe::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWidth = 4;  // elements of a 16-byte store

__global__ void embed_kernel(EmbedArgs args) {
  let_successor_begin();
  auto token = args.tokens[blockIdx.x];
  if (token < 0) {
    token = args.last_token[-1 - token];
  }
  const Bf16* source = args.embedding + static_cast<std::int64_t>(token) * args.hidden_size;
  float* target = args.residual + static_cast<std::int64_t>(blockIdx.x) * args.hidden_size;
  for (int column = static_cast<int>(threadIdx.x) * kWidth; column < args.hidden_size;
       column += kThreads * kWidth) {
    const auto raw = *reinterpret_cast<const uint2*>(source + column);
    *reinterpret_cast<float4*>(target + column) = {
        __uint_as_float(raw.x << 16U), __uint_as_float(raw.x & 0xffff0000U),
        __uint_as_float(raw.y << 16U), __uint_as_float(raw.y & 0xffff0000U)};
  }
}

}  // namespace

Result<void> embed(const EmbedArgs& args, cudaStream_t stream) {
  if (args.num_tokens == 0) {
    return {};
  }
  // Not chained: all of a step's kernels may take its upload and its seats for granted.
  embed_kernel<<<static_cast<unsigned>(args.num_tokens), kThreads, 0, stream>>>(args);
  return check_launch("embed");
}

}  // namespace troupe::cuda
