// Log-probabilities in the two shapes of the OpenAI API.
#pragma once

#include "engine/api/event.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// Chat: `{"content":[{"token":…,"logprob":…,"bytes":[…],"top_logprobs":[…]}],"refusal":null}`.
void append_chat_logprobs(std::string& out, const std::vector<PositionLogprobs>& positions);

/// Chat's array `content` alone.
void append_position_list(std::string& out, const std::vector<PositionLogprobs>& positions);

/// Completions: `{"tokens":[…],"token_logprobs":[…],"top_logprobs":[{…}],"text_offset":[…]}`. The
/// first token stands at character `text_offset`; gives where the next one would.
std::int64_t append_completion_logprobs(std::string& out,
                                        const std::vector<PositionLogprobs>& positions,
                                        std::int64_t text_offset);

/// The number of characters that begin in `bytes`.
[[nodiscard]] std::int64_t count_characters(std::string_view bytes);

}  // namespace troupe::transport
