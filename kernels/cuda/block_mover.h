// Moves whole blocks of keys and values: to the host's part of the cache, back from it, and from
// one place on the device to another.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/bfloat16.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/decoder/block_moves.h"

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace troupe::cuda {

/// The cache on the device: [layers][num_blocks] blocks of `block_bytes`.
struct BlockStore {
  std::byte* data = nullptr;
  std::int32_t num_layers = 0;
  std::int32_t num_blocks = 0;
  std::int64_t block_bytes = 0;  // of one layer, a multiple of 16
};

/// Owned by one backend; not thread-safe.
class BlockMover {
 public:
  /// Pins host memory for `num_host_blocks` blocks of all layers. `store` outlives this object.
  /// Errors: `resource_exhausted`, `device`.
  [[nodiscard]] static Result<BlockMover> make(const BlockStore& store,
                                               std::int32_t num_host_blocks);

  /// Enqueues the moves in their order, a launch for each hundred or so of a kind. Waits for
  /// nothing. Moves each block once over the host link, or twice through device memory: bound by
  /// them. `moves` was checked.
  [[nodiscard]] Result<void> enqueue(const BlockMoves& moves, cudaStream_t stream);

  /// Bytes a second that the host link gives, measured by moving blocks out; 0 without a host tier.
  /// Waits for the device. Errors: `device`.
  [[nodiscard]] Result<double> measure_host_link(cudaStream_t stream);

 private:
  BlockStore store_;
  PinnedBuffer host_;  // [num_host_blocks][layers] blocks
  std::int32_t num_host_blocks_ = 0;
};

}  // namespace troupe::cuda
