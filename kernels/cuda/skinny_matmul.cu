// One warp a block owns 16 outputs and walks k through a deep ring in shared memory. Few and small
// blocks on a multiprocessor keep tens of kilobytes under way, which is what bandwidth takes.
#include "engine/base/check.h"
#include "kernels/cuda/attention_tile.cuh"
#include "kernels/cuda/skinny_matmul.h"
#include "kernels/cuda/status.h"

#include <utility>

namespace troupe::cuda {
namespace {

constexpr int kThreads = 32;
constexpr int kOutputs = 16;
// Inputs of a stage: 256 bytes of each weight row, so that memory is read in whole bursts.
constexpr int kStageInputs = 128;
constexpr int kStages = 8;
constexpr int kRowBytes = kStageInputs * 2;
constexpr int kWeightBytes = kOutputs * kRowBytes;
constexpr int kStageBytes = kWeightBytes + kMaxSkinnyRows * kRowBytes;
constexpr int kSharedBytes = kStages * kStageBytes;
constexpr int kChunksPerRow = kStageInputs / kChunk;

// Where chunk `chunk` of row `row` lies in a stage: permuted, against bank conflicts.
__device__ __forceinline__ unsigned place(int row, int chunk) {
  return static_cast<unsigned>(row * kRowBytes + (chunk ^ (row & 7)) * 16);
}

__device__ __forceinline__ void load_stage(const MatmulArgs& args, unsigned target, int stage) {
  const int lane = static_cast<int>(threadIdx.x);
  const std::int64_t first = static_cast<std::int64_t>(stage) * kStageInputs;
  const Bf16* weight =
      args.weight + first + static_cast<std::int64_t>(blockIdx.x) * kOutputs * args.num_inputs;
#pragma unroll
  for (int i = 0; i < kOutputs * kChunksPerRow / kThreads; ++i) {
    const int row = (i * kThreads + lane) / kChunksPerRow;
    const int chunk = (i * kThreads + lane) % kChunksPerRow;
    copy_async(target + place(row, chunk),
               weight + static_cast<std::int64_t>(row) * args.num_inputs + chunk * kChunk, true);
  }
#pragma unroll
  for (int i = 0; i < kMaxSkinnyRows * kChunksPerRow / kThreads; ++i) {
    const int row = (i * kThreads + lane) / kChunksPerRow;
    const int chunk = (i * kThreads + lane) % kChunksPerRow;
    const bool valid = row < args.num_rows;
    const auto offset = static_cast<std::int64_t>(row) * args.num_inputs + first + chunk * kChunk;
    copy_async(target + kWeightBytes + place(row, chunk), args.x + (valid ? offset : 0), valid);
  }
}

__device__ __forceinline__ void multiply_stage(float (&sums)[4], unsigned stage) {
  const int lane = static_cast<int>(threadIdx.x);
  unsigned weights[kStageInputs / 16][4];
  unsigned inputs[kStageInputs / 32][4];
#pragma unroll
  for (int k = 0; k < kStageInputs / 16; ++k) {
    load_matrices(weights[k], stage + place(lane % 16, 2 * k + lane / 16));
  }
#pragma unroll
  for (int k = 0; k < kStageInputs / 32; ++k) {
    load_matrices(inputs[k], stage + kWeightBytes + place(lane % 8, 4 * k + lane / 8));
  }
#pragma unroll
  for (int k = 0; k < kStageInputs / 16; ++k) {
    multiply_add(sums, weights[k], inputs[k / 2][2 * (k % 2)], inputs[k / 2][2 * (k % 2) + 1]);
  }
}

__device__ __forceinline__ void store(Bf16* target, float value) {
  *target = __float2bfloat16_rn(value);
}

__device__ __forceinline__ void store(float* target, float value) {
  *target = value;
}

template <class Output>
__global__ void __launch_bounds__(kThreads) skinny_matmul_kernel(MatmulArgs args) {
  extern __shared__ __align__(128) unsigned char shared[];
  const unsigned ring = shared_address(shared);
  const int num_stages = args.num_inputs / kStageInputs;
  for (int stage = 0; stage < kStages - 1; ++stage) {
    if (stage < num_stages) {
      load_stage(args, ring + stage * kStageBytes, stage);
    }
    commit_copies();
  }
  float sums[4] = {0.0F, 0.0F, 0.0F, 0.0F};
  int slot = 0;
  for (int stage = 0; stage < num_stages; ++stage) {
    wait_copies<kStages - 2>();
    __syncwarp();
    const int ahead = stage + kStages - 1;
    if (ahead < num_stages) {
      load_stage(args, ring + static_cast<unsigned>(ahead % kStages) * kStageBytes, ahead);
    }
    commit_copies();
    multiply_stage(sums, ring + static_cast<unsigned>(slot) * kStageBytes);
    slot = slot + 1 == kStages ? 0 : slot + 1;
  }
  const int lane = static_cast<int>(threadIdx.x);
  auto* y = static_cast<Output*>(args.y);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int row = 2 * (lane % 4) + i % 2;
    const auto output = static_cast<std::int64_t>(blockIdx.x) * kOutputs + lane / 4 + 8 * (i / 2);
    if (row < args.num_rows) {
      store(y + static_cast<std::int64_t>(row) * args.num_outputs + output, sums[i]);
    }
  }
}

template <class Output>
Result<void> launch(const MatmulArgs& args, cudaStream_t stream) {
  if (auto prepared =
          check(cudaFuncSetAttribute(skinny_matmul_kernel<Output>,
                                     cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes),
                "cudaFuncSetAttribute skinny_matmul");
      !prepared) {
    return prepared;
  }
  skinny_matmul_kernel<Output>
      <<<static_cast<unsigned>(args.num_outputs / kOutputs), kThreads, kSharedBytes, stream>>>(
          args);
  return check_launch("skinny_matmul");
}

}  // namespace

bool is_skinny(const MatmulArgs& args) {
  return args.num_rows >= 1 && args.num_rows <= kMaxSkinnyRows &&
         args.num_outputs % kOutputs == 0 && args.num_inputs % kStageInputs == 0;
}

Result<void> skinny_matmul(const MatmulArgs& args, cudaStream_t stream) {
  TROUPE_CHECK(is_skinny(args), "a shape of the skinny matmul");
  return args.output == MatmulOutput::float32 ? launch<float>(args, stream)
                                              : launch<Bf16>(args, stream);
}

}  // namespace troupe::cuda
