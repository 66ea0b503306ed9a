#include "kernels/cuda/step_graphs.h"

#include "engine/base/check.h"
#include "kernels/cuda/status.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace troupe::cuda {
namespace {

// Up to here a bucket doubles; beyond, padding to a multiple wastes less than an eighth.
constexpr std::int32_t kBucketStep = 8;

struct RecordingDestroy {
  void operator()(cudaGraph_t graph) const { static_cast<void>(cudaGraphDestroy(graph)); }
};

using Recording = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, RecordingDestroy>;

// What `launch` enqueues, recorded instead of run. The recording ends also when `launch` fails.
Result<Recording> record(const std::function<Result<void>()>& launch, cudaStream_t stream) {
  if (auto begun = check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
                         "cudaStreamBeginCapture");
      !begun) {
    return pass(std::move(begun));
  }
  auto launched = launch();
  cudaGraph_t graph = nullptr;
  auto ended = check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
  Recording recording(graph);
  if (!launched) {
    return pass(std::move(launched));
  }
  if (!ended) {
    return pass(std::move(ended));
  }
  return recording;
}

}  // namespace

void GraphDestroy::operator()(cudaGraphExec_t graph) const {
  static_cast<void>(cudaGraphExecDestroy(graph));
}

std::int32_t decode_bucket(std::int32_t num_tokens, std::int32_t most) {
  const auto rounded =
      num_tokens <= kBucketStep
          ? static_cast<std::int32_t>(std::bit_ceil(static_cast<std::uint32_t>(num_tokens)))
          : (num_tokens + kBucketStep - 1) / kBucketStep * kBucketStep;
  return std::min(rounded, most);
}

bool only_decodes(const PackedStep& step) {
  const auto num_tokens = step.batch.num_tokens();
  return num_tokens > 0 && num_tokens == step.batch.num_sequences() &&
         num_tokens == step.batch.num_samples();
}

void pad_decode(PackedStep& step, std::int32_t bucket) {
  TROUPE_CHECK(only_decodes(step), "only single tokens are padded");
  auto& batch = step.batch;
  for (auto row = batch.num_tokens(); row < bucket; ++row) {
    batch.tokens.push_back(0);
    batch.positions.push_back(0);
    batch.slot_mapping.push_back(-1);
    batch.query_starts.push_back(row + 1);
    batch.context_lengths.push_back(0);
    batch.sampling_rows.push_back(row);
    batch.sampling_seats.push_back(-1);
    step.seats.push_back(0);
    step.sample_positions.push_back(0);
    step.masks_ends.push_back(0);
  }
}

Result<void> StepGraphs::run(std::int32_t bucket,
                             const std::function<Result<void>()>& launch,
                             cudaStream_t stream) {
  const auto [entry, is_new] = graphs_.try_emplace(bucket);
  if (is_new) {
    return launch();
  }
  auto& graph = entry->second;
  if (graph == nullptr) {
    const auto recording = record(launch, stream);
    if (!recording) {
      return tl::unexpected(recording.error());
    }
    cudaGraphExec_t made = nullptr;
    if (auto instantiated =
            check(cudaGraphInstantiate(&made, recording->get(), 0), "cudaGraphInstantiate");
        !instantiated) {
      return instantiated;
    }
    graph.reset(made);
  }
  return check(cudaGraphLaunch(graph.get(), stream), "cudaGraphLaunch");
}

}  // namespace troupe::cuda
