// What comes back from the device after each step, and how it becomes a result.
#pragma once

#include "engine/base/result.h"
#include "engine/step/step.h"
#include "kernels/cuda/activations.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/step_seats.h"

#include <cuda_runtime_api.h>

#include <cstdint>
#include <vector>

namespace troupe::cuda {

/// The pinned memory in which the outcomes of one step land. Owned by one backend.
class StepOutput {
 public:
  /// `max_samples`: rows that sample in one step, at most.
  [[nodiscard]] static Result<StepOutput> make(std::int32_t max_samples);

  /// Enqueues the download of the outcomes of `samples`.
  [[nodiscard]] Result<void> download(const Activations& from,
                                      const std::vector<PendingSample>& samples,
                                      cudaStream_t stream);

  /// The tokens, once the download has happened. Error `device` when a logit was not finite.
  [[nodiscard]] Result<std::vector<SampledToken>> tokens(
      const std::vector<PendingSample>& samples) const;

 private:
  PinnedBuffer outcomes_;    // [max_samples] SampleOutcome
  PinnedBuffer top_logits_;  // [max_samples, kMaxTopLogprobs] TopLogit
};

}  // namespace troupe::cuda
