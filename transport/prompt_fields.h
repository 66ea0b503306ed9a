// The field `prompt` and the field `messages`, from JSON to prompts of the engine.
#pragma once

#include "engine/api/request.h"
#include "engine/base/result.h"
#include "transport/json_value.h"

#include <cstddef>
#include <vector>

namespace troupe::transport {

/// A string, an array of strings, an array of token ids or an array of such arrays: at least one
/// prompt and at most `max_prompts`. Moves the text out of `value`. Error: `invalid_value`.
[[nodiscard]] Result<std::vector<Prompt>> read_prompts(JsonValue& value, std::size_t max_prompts);

/// A conversation. Content is a string or an array of text parts, which are joined with line
/// breaks; the role "developer" is OpenAI's newer word for "system".
/// Errors: `invalid_value`, `unsupported` for images, audio and tool calls.
[[nodiscard]] Result<ChatPrompt> read_messages(JsonValue& value);

}  // namespace troupe::transport
