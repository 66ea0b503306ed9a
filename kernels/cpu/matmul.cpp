// A thread takes some rows through a panel before it moves on. Accumulators stay in registers while
// a block of the panel passes under them; between blocks they wait in float32, which costs nothing
// of their value. The next block is fetched while this one is in use.
#include "kernels/cpu/matmul.h"

#include <algorithm>

namespace troupe::cpu {
namespace {

// Enough rows that the panel comes from memory once, few enough that all threads have work.
constexpr std::int32_t kChunkRows = 64;

// A block of 48 columns is then 96 KB: it, the next one and 64 rows' part of the activations fit
// into a second-level cache of 512 KB.
constexpr std::int32_t kBlockPairs = 512;

// A lone tile of so many rows computes about as fast as memory delivers, and the processor's own
// prefetcher does not keep up: 322 to 393 GFLOP/s at 8 rows on two cores of Zen 4. With fewer rows
// it does, and asking it to fetch takes a tenth away.
constexpr std::int32_t kMinFetchingRows = 7;
// Far enough for a load from memory at 25 GB/s a core.
constexpr std::int64_t kAheadElements = 2048;
constexpr std::int64_t kVectorElements = 2 * kVectorColumns;

/// Some rows and one panel: what a thread does in one go.
struct Chunk {
  std::int32_t panel = 0;
  std::int32_t first_row = 0;
  std::int32_t num_rows = 0;
  std::int32_t next_panel = 0;  // whose turn it is afterwards; may be the same

  [[nodiscard]] std::int32_t num_tiles() const { return (num_rows + kTileRows - 1) / kTileRows; }

  /// Tiles are nearly equal.
  [[nodiscard]] std::int32_t tile_begin(std::int32_t tile) const {
    return num_rows * tile / num_tiles();
  }
};

/// The sums of a chunk, in rows of kPanelColumns.
using ChunkSums = float[kChunkRows * kPanelColumns];

template <class Visit>
void for_each_chunk(const PackedMatrix& matrix,
                    std::int32_t num_rows,
                    ThreadTeam& team,
                    const Visit& visit) {
  const std::int32_t num_chunks = std::max(1, (num_rows + kChunkRows - 1) / kChunkRows);
  team.run(matrix.num_panels() * num_chunks, [&](std::int32_t begin, std::int32_t end) {
    for (std::int32_t unit = begin; unit < end; ++unit) {
      const std::int32_t first = unit % num_chunks * kChunkRows;
      visit(Chunk{.panel = unit / num_chunks,
                  .first_row = first,
                  .num_rows = std::min(kChunkRows, num_rows - first),
                  .next_panel = std::min((unit + 1) / num_chunks, matrix.num_panels() - 1)});
    }
  });
}

/// What tile `tile` of `num_tiles` fetches while it walks a block of `pairs` at `block`. Three
/// tiles or more share the next block out among the first three. Two or one leave less time than
/// memory takes: the first fetches its own block just ahead of itself.
FetchAhead fetch_ahead(std::int32_t tile,
                       const Chunk& chunk,
                       const Bf16* block,
                       std::int32_t pairs,
                       const Bf16* next) {
  if (chunk.next_panel == chunk.panel) {
    return {};  // all of it is near already, or will be asked for by the panel's last chunk
  }
  const auto num_tiles = chunk.num_tiles();
  if (num_tiles > 2) {
    return tile < kPanelVectors
               ? FetchAhead{.from = next + tile * pairs * kVectorElements, .vectors = 1}
               : FetchAhead{};
  }
  if (tile == 1) {
    return {.from = next, .vectors = 1};
  }
  return chunk.tile_begin(1) >= kMinFetchingRows
             ? FetchAhead{.from = block + kAheadElements, .vectors = kPanelVectors}
             : FetchAhead{};
}

/// sums = x * panel for the rows of a chunk. `next` is the block that comes after the panel.
void multiply_chunk(const PathKernels& kernels,
                    const Rows& x,
                    const PackedMatrix& matrix,
                    const Chunk& chunk,
                    const Bf16* next,
                    float* sums) {
  const auto vectors = matrix.vectors(chunk.panel);
  const auto pairs = matrix.num_pairs();
  const auto num_tiles = chunk.num_tiles();
  // A lone tile meets each weight once, so nothing is gained by stopping.
  const auto num_blocks = num_tiles == 1 ? 1 : (pairs + kBlockPairs - 1) / kBlockPairs;
  for (std::int32_t i = 0; i < num_blocks; ++i) {
    const auto begin = pairs * i / num_blocks;
    const auto end = pairs * (i + 1) / num_blocks;
    const auto at = [&](std::int32_t pair) {
      return matrix.panel(chunk.panel) + std::int64_t{pair} * vectors * kVectorElements;
    };
    for (std::int32_t tile = 0; tile < num_tiles; ++tile) {
      const auto row = chunk.tile_begin(tile);
      kernels.product({.x = x.data + (chunk.first_row + row) * x.stride + 2 * begin,
                       .x_stride = x.stride,
                       .panel = at(begin),
                       .out = sums + row * kPanelColumns,
                       .rows = chunk.tile_begin(tile + 1) - row,
                       .vectors = vectors,
                       .pairs = end - begin,
                       .adds = i > 0,
                       .ahead = fetch_ahead(tile, chunk, at(begin), end - begin,
                                            end < pairs ? at(end) : next)});
    }
  }
}

const float* at(const float* bias, std::int32_t column) {
  return bias == nullptr ? nullptr : bias + column;
}

using Finish = void (*)(const float*, const float*, float*, std::int32_t);

void multiply_and(Finish finish,
                  const Machine& machine,
                  const Rows& x,
                  const PackedMatrix& matrix,
                  const Output& out) {
  for_each_chunk(matrix, x.count, *machine.team, [&](const Chunk& chunk) {
    alignas(64) ChunkSums sums;
    multiply_chunk(*machine.kernels, x, matrix, chunk, matrix.panel(chunk.next_panel), sums);
    const auto column = chunk.panel * kPanelColumns;
    for (std::int32_t r = 0; r < chunk.num_rows; ++r) {
      finish(sums + r * kPanelColumns, at(out.bias, column),
             out.data + (chunk.first_row + r) * out.stride + column, matrix.columns(chunk.panel));
    }
  });
}

}  // namespace

void multiply(const Machine& machine,
              const Rows& x,
              const PackedMatrix& matrix,
              const Output& out) {
  multiply_and(machine.kernels->store, machine, x, matrix, out);
}

void multiply_add(const Machine& machine,
                  const Rows& x,
                  const PackedMatrix& matrix,
                  const Output& out) {
  multiply_and(machine.kernels->add, machine, x, matrix, out);
}

void multiply_gated(const Machine& machine,
                    const Rows& x,
                    const GatedMatrices& matrices,
                    const RoundedOutput& out) {
  const auto& gate = *matrices.gate;
  const auto& up = *matrices.up;
  for_each_chunk(gate, x.count, *machine.team, [&](const Chunk& chunk) {
    alignas(64) ChunkSums gates;
    alignas(64) ChunkSums ups;
    multiply_chunk(*machine.kernels, x, gate, chunk, up.panel(chunk.panel), gates);
    multiply_chunk(*machine.kernels, x, up, chunk, gate.panel(chunk.next_panel), ups);
    const auto column = chunk.panel * kPanelColumns;
    for (std::int32_t r = 0; r < chunk.num_rows; ++r) {
      machine.kernels->swiglu({.gate = gates + r * kPanelColumns,
                               .up = ups + r * kPanelColumns,
                               .gate_bias = at(matrices.gate_bias, column),
                               .up_bias = at(matrices.up_bias, column),
                               .n = gate.columns(chunk.panel)},
                              out.data + (chunk.first_row + r) * out.stride + column);
    }
  });
}

}  // namespace troupe::cpu
