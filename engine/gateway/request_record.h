// The durable truth about one request: its prompt, what was generated, what the client has heard.
// Everything else (sequence, KV blocks, place in a queue) can be lost and is rebuilt from here.
#pragma once

#include "engine/api/attempt.h"
#include "engine/api/event.h"
#include "engine/api/request.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/gateway/request_account.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace troupe {

class Tokenizer;

/// Owned by the request actor; not thread-safe.
class RequestRecord {
 public:
  /// `request.sampling.seed` must be set (checked). The prompt is not looked at.
  RequestRecord(RequestId id,
                const GenerateRequest& request,
                std::shared_ptr<const Tokenizer> tokenizer,
                TimePoint arrival);
  ~RequestRecord();
  RequestRecord(RequestRecord&&) noexcept;
  RequestRecord& operator=(RequestRecord&&) noexcept;

  /// The prompt's tokens became known. Errors: those of `output_budget`.
  [[nodiscard]] Result<void> begin(std::vector<TokenId> prompt, const ModelCard& model);

  /// The next attempt: prompt and everything generated so far. What still comes of earlier attempts
  /// is dropped from now on.
  [[nodiscard]] EnqueuedRequest next_attempt();

  /// An engine took the attempt. `Accepted` the first time, nothing later.
  [[nodiscard]] std::optional<Event> taken(AttemptNumber attempt);

  /// What a step's token means for the client and for the engine.
  struct Progress {
    std::vector<Event> events;    // in order
    bool ended = false;           // the last event is the end
    bool cancel_attempt = false;  // the host found the end, the engine does not know it yet
  };

  /// A token of the current attempt at the next position is taken; anything else is late, doubled
  /// or resurrected, and changes nothing.
  [[nodiscard]] Progress take(const RequestTokens& tokens, TimePoint now);

  /// The request ended without an engine's doing. Nothing is taken from now on.
  void fail_with(Error error);

  /// All that was told to the client, and what else there is to tell.
  [[nodiscard]] const RequestAccount& account() const;

  /// The account to keep. The record is good for nothing after that.
  [[nodiscard]] RequestAccount take_account();

  [[nodiscard]] AttemptNumber attempt() const;
  [[nodiscard]] Usage usage() const;
  [[nodiscard]] const SamplingParams& sampling() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe
