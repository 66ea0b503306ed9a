// Matrix products, mostly by cuBLASLt, of which only algorithms are taken that sum over k in one
// go: no split-K, no stream-K, no workspace. All of them add in the same order, so that a row's
// bits depend neither on the other rows nor on how many there are.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/bfloat16.h"

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <span>

namespace troupe::cuda {

enum class MatmulOutput : std::uint8_t { bfloat16, float32 };

struct MatmulArgs {              // M rows, N outputs, K inputs
  const Bf16* x = nullptr;       // [M, K]
  const Bf16* weight = nullptr;  // [N, K]
  void* y = nullptr;             // [M, N] written: x * weight^T, summed in float32
  std::int32_t num_rows = 0;     // M
  std::int32_t num_outputs = 0;  // N
  std::int32_t num_inputs = 0;   // K, a multiple of 8
  MatmulOutput output = MatmulOutput::bfloat16;
};

/// What to prepare for: one shape, with the buffers to measure on.
struct MatmulTrial {
  MatmulArgs args;                       // `num_rows`: the most that will come
  std::span<const Bf16* const> weights;  // [N, K] each; taken in turn, so that none stays cached
};

/// Remembers which algorithm serves which shape. Not thread-safe.
class Matmul {
 public:
  [[nodiscard]] static Result<Matmul> make();
  Matmul(Matmul&&) noexcept;
  Matmul& operator=(Matmul&&) noexcept;
  ~Matmul();

  /// Measures what cuBLASLt proposes, and for a few rows a kernel of ours, for each power of two of
  /// rows up to the most, and keeps the fastest. Waits for the device. What x holds is what it is
  /// measured on. Errors: `unsupported` when cuBLASLt has no algorithm for the shape, `device`.
  [[nodiscard]] Result<void> prepare(const MatmulTrial& trial, cudaStream_t stream);

  /// Enqueues the product. A shape that was not prepared gets cuBLASLt's first proposal. Reads
  /// 2 * N * K bytes of weights, does 2 * M * N * K operations: bound by bandwidth below some
  /// 200 rows, by the matrix units above.
  [[nodiscard]] Result<void> run(const MatmulArgs& args, cudaStream_t stream);

 private:
  struct State;
  explicit Matmul(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace troupe::cuda
