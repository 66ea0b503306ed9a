// Rows times a packed matrix, with what is to be done to each tile of the product while it is still
// in the nearest cache.
#pragma once

#include "kernels/cpu/packed_weights.h"
#include "kernels/cpu/path_kernels.h"
#include "kernels/cpu/thread_team.h"

#include <algorithm>
#include <cstdint>

namespace troupe::cpu {

/// Rows of activations in bfloat16. Between K and an even K the elements are zeros.
struct Rows {
  const Bf16* data = nullptr;
  std::int64_t stride = 0;
  std::int32_t count = 0;
};

/// Where a tile of a product stands. Its values are in rows of kPanelColumns.
struct Tile {
  std::int32_t first_row = 0;
  std::int32_t num_rows = 0;
  std::int32_t first_column = 0;
  std::int32_t num_columns = 0;
};

/// Rows that a thread takes through a panel before it moves on: enough that the panel comes from
/// memory once, few enough that all threads have work.
constexpr std::int32_t kChunkRows = 64;

/// A product's rows in the sizes of tiles, all nearly equal, for one panel after the other.
template <class Visit>
void for_each_tile(const PackedMatrix& matrix,
                   std::int32_t num_rows,
                   ThreadTeam& team,
                   const Visit& visit) {
  const std::int32_t num_chunks = std::max(1, (num_rows + kChunkRows - 1) / kChunkRows);
  team.run(matrix.num_panels() * num_chunks, [&](std::int32_t begin, std::int32_t end) {
    for (std::int32_t unit = begin; unit < end; ++unit) {
      const std::int32_t panel = unit / num_chunks;
      const std::int32_t first = unit % num_chunks * kChunkRows;
      const std::int32_t in_chunk = std::min(kChunkRows, num_rows - first);
      const std::int32_t num_tiles = (in_chunk + kTileRows - 1) / kTileRows;
      for (std::int32_t i = 0; i < num_tiles; ++i) {
        const std::int32_t tile_begin = first + in_chunk * i / num_tiles;
        const std::int32_t tile_end = first + in_chunk * (i + 1) / num_tiles;
        visit(Tile{.first_row = tile_begin,
                   .num_rows = tile_end - tile_begin,
                   .first_column = panel * kPanelColumns,
                   .num_columns = matrix.columns(panel)});
      }
    }
  });
}

/// One tile of x * matrix, to `out` in rows of kPanelColumns.
inline void multiply_tile(const PathKernels& kernels,
                          const Rows& x,
                          const PackedMatrix& matrix,
                          const Tile& tile,
                          float* out) {
  const auto panel = tile.first_column / kPanelColumns;
  kernels.product({.x = x.data + tile.first_row * x.stride,
                   .x_stride = x.stride,
                   .panel = matrix.panel(panel),
                   .out = out,
                   .rows = tile.num_rows,
                   .vectors = matrix.vectors(panel),
                   .pairs = matrix.num_pairs()});
}

/// What computes: the threads, and the instructions that they use.
struct Machine {
  ThreadTeam* team = nullptr;
  const PathKernels* kernels = nullptr;
};

/// Float32 rows to be written or added to.
struct Output {
  float* data = nullptr;
  std::int64_t stride = 0;
  const float* bias = nullptr;  // [N], or null
};

/// out = x * matrix + bias. Reads the matrix once for each 64 rows: 2 * N * K bytes.
void multiply(const Machine& machine, const Rows& x, const PackedMatrix& matrix, const Output& out);

/// out += x * matrix + bias: each sum is finished before it is added.
void multiply_add(const Machine& machine,
                  const Rows& x,
                  const PackedMatrix& matrix,
                  const Output& out);

/// The two matrices of a gated MLP, and their biases or null.
struct GatedMatrices {
  const PackedMatrix* gate = nullptr;
  const PackedMatrix* up = nullptr;
  const float* gate_bias = nullptr;
  const float* up_bias = nullptr;
};

/// Bfloat16 rows to be written.
struct RoundedOutput {
  Bf16* data = nullptr;
  std::int64_t stride = 0;
};

/// out = silu(x * gate + bias) * (x * up + bias).
void multiply_gated(const Machine& machine,
                    const Rows& x,
                    const GatedMatrices& matrices,
                    const RoundedOutput& out);

}  // namespace troupe::cpu
