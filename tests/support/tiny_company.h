// A company small enough that everything happens often: few blocks, few seats, a small vocabulary.
// And the oracle that says what a request must hear from it.
#pragma once

#include "actors/company.h"
#include "engine/api/event.h"
#include "engine/api/request.h"

#include "tests/support/fake_backend.h"

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace troupe {

inline constexpr TokenId kTinyEos = 5;

/// The default device: 16 blocks of 4 tokens, 4 seats, 16 tokens a step, 64 words.
[[nodiscard]] FakeBackendOptions tiny_backend();

[[nodiscard]] CompanyParts tiny_company(const FakeBackendOptions& backend);

/// A prompt of 1 to 20 tokens and 1 to 20 tokens to generate.
template <class Random>
[[nodiscard]] GenerateRequest any_request(Random& random) {
  GenerateRequest request;
  request.prompt = TokenPrompt{};
  auto& tokens = std::get<TokenPrompt>(request.prompt).tokens;
  const auto length = 1 + random() % 20;
  // Few different beginnings, so that prefixes are shared.
  const auto family = static_cast<TokenId>(random() % 3);
  for (std::size_t i = 0; i < length; ++i) {
    const auto own = static_cast<TokenId>(random() % 60);
    tokens.push_back(i < 10 ? family : own);
  }
  request.sampling.max_tokens = static_cast<std::int32_t>(1 + random() % 20);
  return request;
}

/// What the device says to `request`, token by token, without an end-of-sequence token.
struct Expected {
  std::vector<TokenId> tokens;
  FinishReason reason = FinishReason::length;
};

[[nodiscard]] Expected expected_of(const GenerateRequest& request, std::int32_t vocab_size);

}  // namespace troupe
