// What goes to the device before each step: one pinned image, one upload. Two images, so that the
// host packs a step while the one before it is still being read.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/attention_work.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/step_seats.h"

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace troupe::cuda {

/// The most that a step can hold.
struct StepLimits {
  std::int32_t num_tokens = 0;
  std::int32_t num_sequences = 0;
  std::int32_t table_width = 0;  // blocks of one sequence
  std::int32_t num_decode_items = 0;
  std::int32_t num_prefill_items = 0;
};

/// Where a step's arrays lie on the device. T tokens, S sequences, R sampling rows.
struct DeviceStep {
  const std::int32_t* tokens = nullptr;            // [T]
  const std::int32_t* positions = nullptr;         // [T]
  const std::int32_t* slots = nullptr;             // [T]
  const std::int32_t* seats = nullptr;             // [S]
  const std::int32_t* query_starts = nullptr;      // [S]
  const std::int32_t* query_lengths = nullptr;     // [S]
  const std::int32_t* context_lengths = nullptr;   // [S]
  const std::int32_t* sample_rows = nullptr;       // [R]
  const std::int32_t* sample_seats = nullptr;      // [R]
  const std::int32_t* sample_positions = nullptr;  // [R]
  const std::int32_t* masks_ends = nullptr;        // [R]
  const std::int32_t* num_decode_items_on_device = nullptr;
  const DecodeItem* decode_items = nullptr;
  const PrefillItem* prefill_items = nullptr;
  const SeatArrival* arrivals = nullptr;
  const TokenBias* biases = nullptr;
  const std::int32_t* end_tokens = nullptr;
  const SeatGrowth* growth = nullptr;
  const std::int32_t* blocks = nullptr;
  std::int32_t num_tokens = 0;
  std::int32_t num_samples = 0;
  std::int32_t num_decode_items = 0;
  std::int32_t num_prefill_items = 0;
  std::int32_t num_arrivals = 0;
  std::int32_t num_growth = 0;
};

/// Owned by one backend; not thread-safe.
class StepInput {
 public:
  /// Steps that are packed and not yet done, at most.
  static constexpr std::size_t kNumImages = 2;

  [[nodiscard]] static Result<StepInput> make(const StepLimits& limits);

  /// Packs the step into image `image` and enqueues its upload. The image must not be packed again
  /// before the upload has happened.
  [[nodiscard]] Result<DeviceStep> upload(const PackedStep& step,
                                          const AttentionWork& work,
                                          std::size_t image,
                                          cudaStream_t stream);

 private:
  std::array<PinnedBuffer, kNumImages> images_;
  DeviceBuffer device_;
};

}  // namespace troupe::cuda
