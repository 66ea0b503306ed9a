// Times launches with events: medians over groups, warmed up.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/stream.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace troupe::cuda {

/// A measurement that fails ends the program: there is nobody to hand the error to.
template <class T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().message);
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

/// The ceilings of this device, measured in this run.
struct Ceilings {
  double read_bytes_per_ms = 0.0;
  double flops_per_ms = 0.0;
};

/// Milliseconds of one call: the median of groups of `calls`. `launch` gets a running number, to
/// rotate its inputs by.
inline double time_ms(cudaStream_t stream, int calls, const std::function<void(int)>& launch) {
  constexpr int kGroups = 7;
  const auto begin = must(make_event());
  const auto end = must(make_event());
  int number = 0;
  for (; number < 3; ++number) {
    launch(number);
  }
  std::vector<double> times;
  for (int group = 0; group < kGroups; ++group) {
    static_cast<void>(cudaEventRecord(begin.get(), stream));
    for (int call = 0; call < calls; ++call) {
      launch(number++);
    }
    static_cast<void>(cudaEventRecord(end.get(), stream));
    if (cudaEventSynchronize(end.get()) != cudaSuccess) {
      throw std::runtime_error("a launch failed");
    }
    times.push_back(static_cast<double>(must(elapsed_ms(begin, end))) / calls);
  }
  std::sort(times.begin(), times.end());
  return times[kGroups / 2];
}

}  // namespace troupe::cuda
