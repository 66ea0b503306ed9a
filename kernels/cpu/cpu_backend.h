// The CPU as a device: packed weights that outlive a worker, and the backend that computes with
// them.
#pragma once

#include "engine/base/result.h"
#include "engine/model/weights.h"
#include "engine/step/backend.h"
#include "kernels/cpu/cpu_features.h"

#include <cstdint>
#include <memory>

namespace troupe {

struct CpuModel;

struct CpuOptions {
  std::int32_t threads = 0;                                // 0: as many as the machine has cores
  std::int64_t kv_cache_bytes = std::int64_t{256} << 20U;  // used when `num_blocks` is 0
  std::int32_t num_blocks = 0;
  /// KV blocks of the host tier. Here it is memory like the cache itself, so it saves nothing but
  /// the computing: for trying out what a device with memory of its own does.
  std::int32_t num_host_blocks = 0;
  std::int32_t block_size = 16;  // tokens, a multiple of 16
  std::int32_t max_num_seqs = 64;
  std::int32_t max_num_batched_tokens = 2048;
  CpuPath path = CpuPath::detect;
};

/// Packs the weights, in parallel, to bfloat16. Twice the parameters in bytes; the checkpoint stays
/// mapped for its embedding. Errors: `invalid_value` for an option outside its range, `unsupported`
/// for a model or a path that cannot be computed here, `resource_exhausted`.
[[nodiscard]] Result<std::shared_ptr<const CpuModel>> make_cpu_model(
    std::shared_ptr<const Model> model, const CpuOptions& options);

/// A backend with a KV cache and threads of its own. Errors as above.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_cpu_backend(
    std::shared_ptr<const CpuModel> model, const CpuOptions& options);

}  // namespace troupe
