// Copies blocks between two places that the device can address, pinned host memory among them.
#pragma once

#include "engine/base/result.h"

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace troupe::cuda {

/// Where block b of layer l lies: `data` + l * `layer_stride` + b * `block_stride`, in bytes.
struct BlockPlace {
  std::byte* data = nullptr;
  std::int64_t layer_stride = 0;
  std::int64_t block_stride = 0;
};

struct BlockPair {
  std::int32_t from = 0;
  std::int32_t to = 0;
};

/// As many as fit into a kernel's arguments, which spares an upload.
inline constexpr std::int32_t kMaxCopiedBlocks = 128;

struct BlockCopyArgs {
  BlockPlace from;
  BlockPlace to;
  std::int64_t block_bytes = 0;  // of one layer, a multiple of 16
  std::int32_t num_layers = 0;
  std::int32_t num_pairs = 0;
  std::array<BlockPair, kMaxCopiedBlocks> pairs{};  // none is read and written, none written twice
};

/// Enqueues one launch. Reads and writes num_pairs * num_layers * block_bytes.
[[nodiscard]] Result<void> copy_blocks(const BlockCopyArgs& args, cudaStream_t stream);

}  // namespace troupe::cuda
