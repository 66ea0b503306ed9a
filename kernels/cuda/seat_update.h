// Brings the device's seats up to date with a plan: who arrives, and which blocks tables gain.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/sample.h"
#include "kernels/cuda/step_seats.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

struct SeatUpdateArgs {
  const SeatArrival* arrivals = nullptr;
  const TokenBias* biases = nullptr;         // of all arrivals
  const std::int32_t* end_tokens = nullptr;  // of all arrivals
  const SeatGrowth* growth = nullptr;
  const std::int32_t* blocks = nullptr;  // of all growth
  SeatState state;                       // written
  std::int32_t* tables = nullptr;        // [seats, table_width] written
  std::int32_t table_width = 0;
  std::int32_t num_arrivals = 0;
  std::int32_t num_growth = 0;
};

/// Enqueues one launch, or none where nothing changes. Bound by launch latency.
[[nodiscard]] Result<void> update_seats(const SeatUpdateArgs& args, cudaStream_t stream);

}  // namespace troupe::cuda
