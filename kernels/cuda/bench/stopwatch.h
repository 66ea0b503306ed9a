// Times launches with events: medians over groups, warmed up.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/status.h"
#include "kernels/cuda/stream.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
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
  std::string device;
  double read_bytes_per_ms = 0.0;
  double flops_per_ms = 0.0;
};

/// Milliseconds of one call on the device: the median over replays of a graph of `calls` calls, so
/// that the host's launches do not count. `launch` gets a running number, to rotate its inputs by.
inline double time_ms(int calls, const std::function<void(int, cudaStream_t)>& launch) {
  constexpr int kReplays = 9;
  const auto stream = must(make_stream());
  const auto begin = must(make_event());
  const auto end = must(make_event());
  launch(0, stream.get());  // loads the kernel, which a recording does not allow
  must(check(cudaStreamSynchronize(stream.get()), "the first launch"));
  must(check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "a capture"));
  for (int call = 0; call < calls; ++call) {
    launch(call, stream.get());
  }
  cudaGraph_t graph = nullptr;
  must(check(cudaStreamEndCapture(stream.get(), &graph), "a capture"));
  cudaGraphExec_t replay = nullptr;
  must(check(cudaGraphInstantiate(&replay, graph, 0), "a graph"));
  std::vector<double> times;
  for (int group = 0; group <= kReplays; ++group) {
    must(check(cudaEventRecord(begin.get(), stream.get()), "an event"));
    must(check(cudaGraphLaunch(replay, stream.get()), "a replay"));
    must(check(cudaEventRecord(end.get(), stream.get()), "an event"));
    must(check(cudaEventSynchronize(end.get()), "a replay"));
    if (group > 0) {
      times.push_back(static_cast<double>(must(elapsed_ms(begin, end))) / calls);
    }
  }
  must(check(cudaGraphExecDestroy(replay), "a graph"));
  must(check(cudaGraphDestroy(graph), "a graph"));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace troupe::cuda
