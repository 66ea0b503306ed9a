// Steps that only decode, replayed as CUDA graphs: one graph for each bucket of batch sizes. A
// batch is padded to its bucket, and everything else that changes is read from device memory.
#pragma once

#include "engine/base/result.h"
#include "kernels/cuda/step_seats.h"

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <type_traits>

namespace troupe::cuda {

/// The size to which a batch of so many single tokens is padded, at most `most`: powers of two,
/// from 8 on multiples of 8.
[[nodiscard]] std::int32_t decode_bucket(std::int32_t num_tokens, std::int32_t most);

/// Whether every row of the step is one token that samples.
[[nodiscard]] bool only_decodes(const PackedStep& step);

/// Adds rows that compute nothing anybody reads, and write nothing, until there are `bucket`.
void pad_decode(PackedStep& step, std::int32_t bucket);

struct GraphDestroy {
  void operator()(cudaGraphExec_t graph) const;
};

/// Owned by one backend; used on one stream.
class StepGraphs {
 public:
  /// Enqueues what `launch` enqueues for this bucket: by calling it the first time, as a graph that
  /// is recorded from it the second time, and by replaying that from then on. So `launch` must
  /// enqueue the same each time, with the same addresses.
  [[nodiscard]] Result<void> run(std::int32_t bucket,
                                 const std::function<Result<void>()>& launch,
                                 cudaStream_t stream);

 private:
  using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, GraphDestroy>;

  // A null graph: seen once. Kernels are loaded on first use, which a recording does not allow.
  std::map<std::int32_t, Graph> graphs_;
};

}  // namespace troupe::cuda
