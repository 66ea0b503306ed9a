#include "kernels/cuda/seat_update.h"
#include "kernels/cuda/status.h"

namespace troupe::cuda {
namespace {

constexpr int kThreads = 128;

__device__ void seat_arrival(const SeatUpdateArgs& args, const SeatArrival& arrival) {
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t seat = arrival.seat;
  if (thread == 0) {
    args.state.sampling[seat] = arrival.sampling;
  }
  for (int index = thread; index < arrival.sampling.num_biases; index += kThreads) {
    args.state.biases[seat * kMaxBiases + index] = args.biases[arrival.first_bias + index];
  }
  for (int index = thread; index < arrival.sampling.num_end_tokens; index += kThreads) {
    args.state.end_tokens[seat * kMaxEndTokens + index] =
        args.end_tokens[arrival.first_end_token + index];
  }
}

__device__ void grow_table(const SeatUpdateArgs& args, const SeatGrowth& growth) {
  auto* table = args.tables + static_cast<std::int64_t>(growth.seat) * args.table_width;
  for (int index = static_cast<int>(threadIdx.x); index < growth.num_blocks; index += kThreads) {
    table[growth.first_index + index] = args.blocks[growth.first_block + index];
  }
}

__global__ void __launch_bounds__(kThreads) update_seats_kernel(SeatUpdateArgs args) {
  const int block = static_cast<int>(blockIdx.x);
  if (block < args.num_arrivals) {
    seat_arrival(args, args.arrivals[block]);
  } else {
    grow_table(args, args.growth[block - args.num_arrivals]);
  }
}

}  // namespace

Result<void> update_seats(const SeatUpdateArgs& args, cudaStream_t stream) {
  const auto blocks = args.num_arrivals + args.num_growth;
  if (blocks == 0) {
    return {};
  }
  update_seats_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(args);
  return check_launch("update_seats");
}

}  // namespace troupe::cuda
