// A company small enough that everything happens often: few blocks, few seats, a small vocabulary.
// And the oracle that says what a request must hear from it.
#pragma once

#include "actors/company.h"
#include "engine/api/event.h"
#include "engine/api/request.h"

#include "tests/support/fake_backend.h"

#include <cstdint>
#include <random>
#include <vector>

namespace troupe {

inline constexpr TokenId kTinyEos = 5;

/// The default device: 16 blocks of 4 tokens, 4 seats, 16 tokens a step, 64 words.
[[nodiscard]] FakeBackendOptions tiny_backend();

[[nodiscard]] CompanyParts tiny_company(const FakeBackendOptions& backend);

/// A prompt of 1 to 20 tokens and 1 to 20 tokens to generate.
[[nodiscard]] GenerateRequest any_request(std::mt19937& random);

/// What the device says to `request`, token by token, without an end-of-sequence token.
struct Expected {
  std::vector<TokenId> tokens;
  FinishReason reason = FinishReason::length;
};

[[nodiscard]] Expected expected_of(const GenerateRequest& request, std::int32_t vocab_size);

}  // namespace troupe
