// How long a request's sequence may become, or why it cannot be taken at all.
#pragma once

#include "engine/api/attempt.h"
#include "engine/api/engine_config.h"
#include "engine/base/result.h"

#include <cstdint>

namespace troupe {

/// Tokens in all, prompt included: what the request and the model allow.
/// Errors, with the numbers: `invalid_value` when there is nothing to compute or to generate,
/// `context_length_exceeded` when the model's length leaves no room for a token, `never_fits` when
/// the whole KV cache could not hold it.
[[nodiscard]] Result<std::int32_t> length_limit(const EnqueuedRequest& request,
                                                const EngineConfig& config);

}  // namespace troupe
