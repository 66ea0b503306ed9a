// A device that computes nothing and forgets nothing: the next token is a hash of all tokens before
// it, so that any lost, repeated or swapped one shows. Can be told to fail.
#pragma once

#include "engine/step/backend.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace troupe {

struct FakeBackendOptions {
  BackendDescription description{.device = "fake",
                                 .num_blocks = 64,
                                 .block_size = 4,
                                 .bytes_per_block = 0,
                                 .max_num_seqs = 64,
                                 .max_num_batched_tokens = 256,
                                 .vocab_size = 512};
  /// Called before each step is computed; may throw, or return an error that the step fails with.
  std::function<Result<void>(const StepPlan&)> before_step;
  /// A sequence whose tokens hold this one makes every step fail that it is in; negative: none.
  TokenId poison = -1;
};

/// What the device says after `tokens`.
[[nodiscard]] TokenId fake_next_token(std::span<const TokenId> tokens, std::int32_t vocab_size);

[[nodiscard]] std::unique_ptr<Backend> make_fake_backend(FakeBackendOptions options);

}  // namespace troupe
