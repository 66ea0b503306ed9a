#include "kernels/decoder/logit_rules.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace troupe {
namespace {

// Finite, so that differences of two masked logits are no NaN.
constexpr float kMasked = std::numeric_limits<float>::lowest();

// The logit of `token`, or null when the vocabulary has no such token.
float* find(std::span<float> logits, TokenId token) {
  const auto known = token >= 0 && static_cast<std::size_t>(token) < logits.size();
  return known ? &logits[static_cast<std::size_t>(token)] : nullptr;
}

float finite(float logit) {
  return std::clamp(logit, kMasked, std::numeric_limits<float>::max());
}

void penalise(float& logit, std::int32_t num_in_output, const SamplingParams& sampling) {
  logit = logit > 0.0F ? logit / sampling.repetition_penalty : logit * sampling.repetition_penalty;
  logit -= sampling.frequency_penalty * static_cast<float>(num_in_output);
  logit -= num_in_output > 0 ? sampling.presence_penalty : 0.0F;
  logit = finite(logit);
}

void mask(std::span<float> logits, const std::vector<TokenId>& tokens) {
  for (const auto token : tokens) {
    if (auto* logit = find(logits, token)) {
      *logit = kMasked;
    }
  }
}

}  // namespace

void apply_logit_rules(std::span<float> logits, const SampledSequence& sequence) {
  const auto& sampling = sequence.start.sampling;
  for (const auto& [token, bias] : sampling.logit_bias) {
    if (auto* logit = find(logits, token)) {
      *logit = finite(*logit + bias);
    }
  }
  for (const auto& [token, num_in_output] : sequence.counts) {
    if (auto* logit = find(logits, token)) {
      penalise(*logit, num_in_output, sampling);
    }
  }
  if (sequence.position - sequence.start.num_prompt_tokens < sampling.min_tokens) {
    mask(logits, sequence.start.eos_tokens);
    mask(logits, sampling.stop_token_ids);
  }
}

}  // namespace troupe
