// Brings tensors from mapped files to the device: the host copies one piece into pinned memory
// while the one before it is on its way.
#pragma once

#include "engine/base/result.h"
#include "engine/model/weights.h"
#include "kernels/cuda/bfloat16.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/stream.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace troupe::cuda {

/// Used by one thread, for one upload.
class WeightUpload {
 public:
  [[nodiscard]] static Result<WeightUpload> make();

  /// Enqueues `tensor`, converted to bfloat16, to `target`.
  [[nodiscard]] Result<void> add(const TensorView& tensor, Bf16* target);
  /// Enqueues `count` zeros.
  [[nodiscard]] Result<void> add_zeros(Bf16* target, std::int64_t count);
  /// Waits until everything has arrived.
  [[nodiscard]] Result<void> finish();

 private:
  // Two pieces in turn.
  struct Piece {
    PinnedBuffer pinned;
    DeviceBuffer raw;  // what other number formats are converted from
    Event done;
  };

  Result<void> send(const std::byte* source, std::size_t num_bytes, DType dtype, Bf16* target);

  Stream stream_;
  std::array<Piece, 2> pieces_;
  std::size_t next_ = 0;
};

}  // namespace troupe::cuda
