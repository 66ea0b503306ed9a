// What a client asks for, and the one place that says whether it may.
#pragma once

#include "engine/api/sampling_params.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe {

/// One message of a conversation, as text.
struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;

  friend bool operator==(const ChatMessage&, const ChatMessage&) = default;
};

/// A conversation that the model's chat template turns into a prompt.
struct ChatPrompt {
  std::vector<ChatMessage> messages;
  bool add_generation_prompt = true;

  friend bool operator==(const ChatPrompt&, const ChatPrompt&) = default;
};

/// Text that is tokenised as it stands.
struct TextPrompt {
  std::string text;

  friend bool operator==(const TextPrompt&, const TextPrompt&) = default;
};

/// Tokens that the client made itself.
struct TokenPrompt {
  std::vector<TokenId> tokens;

  friend bool operator==(const TokenPrompt&, const TokenPrompt&) = default;
};

using Prompt = std::variant<TextPrompt, TokenPrompt, ChatPrompt>;

struct GenerateRequest {
  std::string model;  // empty: the only served model
  Prompt prompt;
  SamplingParams sampling;
  std::int32_t priority = 0;           // higher first; [-kMaxPriority, kMaxPriority]
  std::optional<Duration> deadline{};  // from arrival to the last token; (0, kMaxDeadline]
  std::string tenant{};                // who pays: set by the transport, never a key itself
  std::string cache_salt{};            // requests with unlike salts share no cached prefix
  std::optional<Duration> retain{};    // survives its connection, and is kept so long after its end
};

/// What a served model allows.
struct ModelCard {
  std::string name;
  std::int32_t max_model_len = 0;  // tokens of prompt and output together
  std::int32_t vocab_size = 0;
  bool accepts_priority = true;  // false: its scheduling heeds none
};

inline constexpr std::size_t kMaxStopStrings = 8;
inline constexpr std::size_t kMaxStopStringBytes = 128;
inline constexpr std::size_t kMaxStopTokens = 128;
inline constexpr std::size_t kMaxLogitBiases = 512;
inline constexpr std::int32_t kMaxLogprobs = 20;
inline constexpr std::size_t kMaxModelNameBytes = 256;
inline constexpr std::int32_t kMaxPriority = 100;
inline constexpr std::size_t kMaxCacheSaltBytes = 1024;
inline constexpr Duration kMaxDeadline = std::chrono::hours(24);
inline constexpr Duration kMaxRetain = std::chrono::hours(1);  // of results, in memory

/// Checks every field of `request` that can be judged without a tokenizer, or names the first that
/// is wrong in `Error::param`. Errors: `not_found` for another model, `invalid_value`,
/// `context_length_exceeded` for a token prompt that leaves no room for its `max_tokens`.
[[nodiscard]] Result<void> validate(const GenerateRequest& request, const ModelCard& model);

/// The number of tokens that a request with `num_prompt_tokens` may generate: its `max_tokens`, or
/// what the model's length leaves. Errors: `invalid_value` for an empty prompt,
/// `context_length_exceeded` with the three numbers.
[[nodiscard]] Result<std::int32_t> output_budget(std::size_t num_prompt_tokens,
                                                 const SamplingParams& sampling,
                                                 const ModelCard& model);

}  // namespace troupe
