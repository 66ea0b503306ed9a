#include "engine/scheduling/length_limit.h"

#include <algorithm>
#include <string>

namespace troupe {

Result<std::int32_t> length_limit(const EnqueuedRequest& request, const EngineConfig& config) {
  const auto num_tokens = static_cast<std::int64_t>(request.tokens.size());
  const auto wanted = std::int64_t{request.num_prompt_tokens} + request.max_output_tokens;
  const auto limit = std::min(wanted, std::int64_t{config.max_model_len});
  if (num_tokens == 0 || request.num_prompt_tokens <= 0 || num_tokens >= wanted) {
    return fail(ErrorCode::invalid_value,
                "nothing to compute: " + std::to_string(num_tokens) + " tokens are there, " +
                    std::to_string(request.num_prompt_tokens) + " of them the prompt, and " +
                    std::to_string(request.max_output_tokens) + " may be generated");
  }
  if (num_tokens >= limit) {
    return fail(ErrorCode::context_length_exceeded,
                std::to_string(num_tokens) + " tokens leave no room to generate, the model takes " +
                    std::to_string(config.max_model_len));
  }
  const auto num_blocks = (limit + config.block_size - 1) / config.block_size;
  if (num_blocks > config.num_blocks) {
    return fail(ErrorCode::never_fits, "prompt and output of " + std::to_string(limit) +
                                           " tokens take " + std::to_string(num_blocks) +
                                           " KV blocks of " + std::to_string(config.block_size) +
                                           " tokens, the cache has " +
                                           std::to_string(config.num_blocks));
  }
  return static_cast<std::int32_t>(limit);
}

}  // namespace troupe
