// Sampling on the device: the same token as kernels/decoder/sampler gives for the same logits. One
// block a row; what a row gets depends on nothing but its seat, its position and its logits.
#pragma once

#include "engine/base/ids.h"
#include "engine/base/result.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace troupe::cuda {

/// Per seat: entries of logit_bias, and tokens that end a sequence (end and stop tokens).
inline constexpr std::int32_t kMaxBiases = 512;
inline constexpr std::int32_t kMaxEndTokens = 256;
inline constexpr std::int32_t kMaxTopLogprobs = 20;
/// Tokens of a vocabulary, so that sums of parts of weights stay within 32 bits.
inline constexpr std::int32_t kMaxVocabSize = 1 << 18;

struct TokenBias {
  TokenId token = 0;
  float bias = 0.0F;
};

/// How a seat samples; what SamplingParams says, without its lists.
struct SeatSampling {
  std::uint64_t seed = 0;
  float temperature = 0.0F;
  float top_p = 1.0F;
  float min_p = 0.0F;
  float repetition_penalty = 1.0F;
  float presence_penalty = 0.0F;
  float frequency_penalty = 0.0F;
  std::int32_t top_k = 0;
  std::int32_t num_top_logprobs = -1;  // negative: no log-probabilities
  std::int32_t num_prompt_tokens = 0;
  std::int32_t num_biases = 0;
  std::int32_t num_end_tokens = 0;
  std::int32_t has_penalty = 0;  // then the seat's history is kept
};

/// What all seats have on the device. S seats.
struct SeatState {
  SeatSampling* sampling = nullptr;    // [S]
  TokenBias* biases = nullptr;         // [S, kMaxBiases]
  std::int32_t* end_tokens = nullptr;  // [S, kMaxEndTokens]
  std::int32_t* last_token = nullptr;  // [S] written
  std::int32_t* history = nullptr;     // [S, history_size] tokens by position, where kept; written
  std::int32_t history_size = 0;
};

/// The outcome of one row. Log-probabilities are left to the host, which has its own logarithm.
struct SampleOutcome {
  std::uint64_t total = 0;   // weight of all raw logits, in units of 2^-40 of the largest
  std::int32_t token = 0;    // negative: -1 - the first token whose logit is not finite
  float logit = 0.0F;        // raw, of `token`; the one that is not finite
  float top = 0.0F;          // largest raw logit
  std::int32_t num_top = 0;  // entries of top_logits
};

struct TopLogit {
  std::int32_t token = 0;
  float logit = 0.0F;
};

struct SampleArgs {                          // R rows, V vocabulary
  const float* logits = nullptr;             // [R, V]
  const std::int32_t* seats = nullptr;       // [R]; negative: the row is padding
  const std::int32_t* positions = nullptr;   // [R] the position that the token will take
  const std::int32_t* masks_ends = nullptr;  // [R] not 0: the end tokens may not come yet
  SeatState state;
  float* adjusted = nullptr;          // [R, V] scratch: logits after the rules
  std::int32_t* counts = nullptr;     // [R, V] scratch, zero before and after
  std::uint64_t* weights = nullptr;   // [R, V] scratch
  SampleOutcome* outcomes = nullptr;  // [R] written
  TopLogit* top_logits = nullptr;     // [R, kMaxTopLogprobs] written where asked for
  std::int32_t num_rows = 0;          // R
  std::int32_t vocab_size = 0;        // V
};

/// Enqueues one launch. Reads 4 * R * V bytes for a greedy row, up to some ten times as much for
/// top-k and top-p.
[[nodiscard]] Result<void> sample(const SampleArgs& args, cudaStream_t stream);

}  // namespace troupe::cuda
