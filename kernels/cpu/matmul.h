// Rows times a packed matrix, with what is to be done to each tile of the product while it is still
// in the nearest cache.
#pragma once

#include "kernels/cpu/packed_weights.h"
#include "kernels/cpu/path_kernels.h"
#include "kernels/cpu/thread_team.h"

#include <cstdint>

namespace troupe::cpu {

/// Rows of activations in bfloat16. Between K and an even K the elements are zeros.
struct Rows {
  const Bf16* data = nullptr;
  std::int64_t stride = 0;
  std::int32_t count = 0;
};

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
