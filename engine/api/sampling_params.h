// How tokens are chosen and when a request ends: the fields of the OpenAI API and of vLLM's
// sampling parameters, under their names.
#pragma once

#include "engine/base/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

struct SamplingParams {
  float temperature = 1.0F;           // 0 = greedy
  float top_p = 1.0F;                 // (0, 1]
  std::int32_t top_k = 0;             // 0 = off
  float min_p = 0.0F;                 // [0, 1]
  float presence_penalty = 0.0F;      // [-2, 2]
  float frequency_penalty = 0.0F;     // [-2, 2]
  float repetition_penalty = 1.0F;    // (0, 2]
  std::optional<std::uint64_t> seed;  // none: the gateway draws one when the request is accepted
  std::optional<std::int32_t> max_tokens;  // none: what the model's length leaves
  std::int32_t min_tokens = 0;
  std::vector<std::string> stop;
  std::vector<TokenId> stop_token_ids;
  std::vector<std::pair<TokenId, float>> logit_bias;  // [-100, 100]
  bool ignore_eos = false;
  bool include_stop_str_in_output = false;
  bool skip_special_tokens = true;
  /// None: no log-probabilities. 0: of the sampled token alone. k: of the k likeliest as well.
  std::optional<std::int32_t> logprobs;

  friend bool operator==(const SamplingParams&, const SamplingParams&) = default;
};

}  // namespace troupe
