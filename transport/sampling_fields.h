// The fields of a request that say how tokens are chosen, from JSON to SamplingParams. Ranges that
// depend on the model are the engine's to judge.
#pragma once

#include "engine/api/sampling_params.h"
#include "engine/base/result.h"
#include "transport/json_value.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe::transport {

/// The same field means different things at the two.
enum class Endpoint : std::uint8_t { completions, chat };

/// Sampling fields as read so far; `settle` makes them whole.
struct SamplingDraft {
  SamplingParams params;
  std::optional<std::int32_t> max_completion_tokens;
  bool wants_logprobs = false;               // chat
  std::optional<std::int32_t> top_logprobs;  // chat
};

/// Reads the field `name` into `draft`, or gives false when it is no sampling field. `value` is not
/// null and may be moved from. Errors: `invalid_value`, `unsupported`.
[[nodiscard]] Result<bool> read_sampling_field(Endpoint endpoint,
                                               std::string_view name,
                                               JsonValue& value,
                                               SamplingDraft& draft);

/// The parameters once every field was read, with the endpoint's defaults.
/// Error: `invalid_value` for fields that contradict each other.
[[nodiscard]] Result<SamplingParams> settle(Endpoint endpoint, SamplingDraft draft);

}  // namespace troupe::transport
