// What a client hears of its request: accepted, deltas, and exactly one end.
#pragma once

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

enum class FinishReason : std::uint8_t { stop, length };

[[nodiscard]] std::string_view to_string(FinishReason reason);

/// One entry of a log-probability list.
struct TokenLogprob {
  TokenId token = 0;
  float logprob = 0.0F;
  std::string bytes;  // the token's own bytes; half a character is possible
};

/// The log-probabilities of one position: the sampled token and the likeliest ones.
struct PositionLogprobs {
  TokenLogprob sampled;
  std::vector<TokenLogprob> top;  // descending
};

/// The beginning of an output that a sink does not hear because its client has it already.
struct SkippedOutput {
  std::int32_t num_places = 0;  // see `num_places`
  std::int32_t num_tokens = 0;
  std::int64_t num_characters = 0;  // of those tokens, when log-probabilities are told
};

/// First event of every accepted request. No error of the client's making comes after it.
struct Accepted {
  std::int32_t num_prompt_tokens = 0;
  SkippedOutput skipped{};  // nothing but for a sink that joined later
};

/// Text that is safe to show: whole characters, and no part of a stop string.
struct Delta {
  std::string text;
  std::vector<TokenId> tokens;             // the tokens that became known with it; may be empty
  std::vector<PositionLogprobs> logprobs;  // one for each token, when asked for
};

/// How far `delta` takes a client in its stream: a place for each token, and one for text that
/// comes without any. Adds up to the place at which a stream can be taken up again.
[[nodiscard]] std::int32_t num_places(const Delta& delta);

struct Usage {
  std::int32_t num_prompt_tokens = 0;
  std::int32_t num_cached_tokens = 0;  // of the prompt, found in the prefix cache
  std::int32_t num_output_tokens = 0;
};

/// When the stations of a request's life were passed, from its arrival.
struct Timing {
  Duration first_token{};
  Duration last_token{};
  std::int32_t num_preemptions = 0;
  std::int32_t num_restarts = 0;  // enqueued anew because an engine part died
};

/// Last event of a request that came to its end.
struct Finished {
  FinishReason reason = FinishReason::stop;
  std::variant<std::monostate, TokenId, std::string> stop_reason;  // what matched, if anything did
  Usage usage;
  Timing timing;
};

/// Last event of a request that did not.
struct Failed {
  Error error;
};

using Event = std::variant<Accepted, Delta, Finished, Failed>;

/// Where a client's events go. Called from threads of the engine, one call at a time, in order.
class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;

  /// Must not block and must not throw: hand the event to where it belongs and return.
  virtual void deliver(Event event) noexcept = 0;
};

}  // namespace troupe
