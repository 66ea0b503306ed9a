// What a request must come to, whatever happens to it on the way: the device is a function of the
// tokens so far, so the whole answer can be said beforehand.
#pragma once

#include "engine/api/event.h"
#include "engine/api/request.h"
#include "engine/base/result.h"

#include "rehearsal/play.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::rehearsal {

/// Why an answer ends where it does.
enum class AnswerEnd : std::uint8_t { length, token, string };

struct Expected {
  std::optional<ErrorCode> refusal;  // then the rest is empty
  std::vector<TokenId> log;          // the prompt, then all that the device may be asked to sample
  std::int32_t num_prompt_tokens = 0;
  std::vector<TokenId> output;  // what the client hears
  std::string text;
  std::int32_t num_output_tokens = 0;  // that are counted
  AnswerEnd end = AnswerEnd::length;

  [[nodiscard]] FinishReason reason() const {
    return end == AnswerEnd::length ? FinishReason::length : FinishReason::stop;
  }
};

/// The tokens of a prompt, by the tokenizer of rehearsals.
[[nodiscard]] std::vector<TokenId> tokens_of(const Prompt& prompt);

/// `seed`: the request's own, or what the company gave it.
[[nodiscard]] Expected expected_of(const GenerateRequest& request,
                                   std::uint64_t seed,
                                   const Play& play);

}  // namespace troupe::rehearsal
