#include "kernels/reference/reference_backend.h"

#include "engine/base/check.h"
#include "kernels/decoder/host_backend.h"
#include "kernels/decoder/prefill_cost.h"

#include <new>
#include <string>
#include <utility>

namespace troupe {
namespace {

// What one core of a common machine copies and computes in plain loops, to the order of magnitude:
// the choice between moving and computing is never near the border here.
constexpr double kCopiedBytesPerSecond = 4e9;
constexpr double kOperationsPerSecond = 4e9;

std::int64_t bytes_per_block(const ModelSpec& spec, std::int32_t block_size) {
  return 2 * static_cast<std::int64_t>(sizeof(float)) * spec.num_layers * spec.num_kv_heads *
         spec.head_size * block_size;
}

BackendDescription describe(const ModelSpec& spec, const ReferenceSizes& sizes) {
  return {.device = "reference (float32)",
          .num_blocks = sizes.num_blocks,
          .block_size = sizes.block_size,
          .bytes_per_block = bytes_per_block(spec, sizes.block_size),
          .max_num_seqs = sizes.max_num_seqs,
          .max_num_batched_tokens = sizes.max_num_batched_tokens,
          .vocab_size = spec.vocab_size,
          .num_host_blocks = sizes.num_host_blocks,
          .host_link_bytes_per_second = kCopiedBytesPerSecond,
          .prefill_tokens_per_second = kOperationsPerSecond / operations_per_token(spec)};
}

}  // namespace

Result<std::unique_ptr<Backend>> make_reference_backend(const std::shared_ptr<const Model>& model,
                                                        const ReferenceSizes& sizes) {
  TROUPE_CHECK(sizes.num_blocks > 0 && sizes.block_size > 0 && sizes.max_num_seqs > 0 &&
                   sizes.max_num_batched_tokens > 0 && sizes.num_host_blocks >= 0,
               "a backend has room for something");
  try {
    return make_host_backend(std::make_unique<ReferenceOperations>(model, sizes),
                             describe(model->spec, sizes), model->spec.num_layers);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::resource_exhausted,
                "no memory for the weights and " + std::to_string(sizes.num_blocks) +
                    " KV blocks of " +
                    std::to_string(bytes_per_block(model->spec, sizes.block_size)) + " bytes");
  }
}

}  // namespace troupe
