// The three ends that a product can have.
#include "kernels/cpu/matmul.h"

namespace troupe::cpu {
namespace {

using TileValues = float[kTileRows * kPanelColumns];

const float* at(const float* bias, std::int32_t column) {
  return bias == nullptr ? nullptr : bias + column;
}

using Finish = void (*)(const float*, const float*, float*, std::int32_t);

void multiply_and(Finish finish,
                  const Machine& machine,
                  const Rows& x,
                  const PackedMatrix& matrix,
                  const Output& out) {
  for_each_tile(matrix, x.count, *machine.team, [&](const Tile& tile) {
    alignas(64) TileValues values;
    multiply_tile(*machine.kernels, x, matrix, tile, values);
    for (std::int32_t r = 0; r < tile.num_rows; ++r) {
      finish(values + r * kPanelColumns, at(out.bias, tile.first_column),
             out.data + (tile.first_row + r) * out.stride + tile.first_column, tile.num_columns);
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
  for_each_tile(*matrices.gate, x.count, *machine.team, [&](const Tile& tile) {
    alignas(64) TileValues gate;
    alignas(64) TileValues up;
    multiply_tile(*machine.kernels, x, *matrices.gate, tile, gate);
    multiply_tile(*machine.kernels, x, *matrices.up, tile, up);
    for (std::int32_t r = 0; r < tile.num_rows; ++r) {
      machine.kernels->swiglu({.gate = gate + r * kPanelColumns,
                               .up = up + r * kPanelColumns,
                               .gate_bias = at(matrices.gate_bias, tile.first_column),
                               .up_bias = at(matrices.up_bias, tile.first_column),
                               .n = tile.num_columns},
                              out.data + (tile.first_row + r) * out.stride + tile.first_column);
    }
  });
}

}  // namespace troupe::cpu
