// What a request's parameters do to a row of logits before a token is chosen: biases, penalties,
// tokens that may not come yet. The arithmetic and its order are vLLM's.
#pragma once

#include "engine/step/sequence_start.h"
#include "kernels/decoder/seat_table.h"

#include <cstdint>
#include <span>

namespace troupe {

/// The sequence for which a token is chosen.
struct SampledSequence {
  const SequenceStart& start;
  std::int32_t position = 0;  // the position that the token will take
  const TokenCounts& counts;  // of all tokens before it; empty where no penalty is set
};

/// Changes `logits` [V] in place: adds the logit biases, applies the penalties, and gives the end
/// and stop tokens the lowest finite value while fewer than `min_tokens` were generated. Finite
/// logits stay finite. Tokens outside the vocabulary are passed over.
void apply_logit_rules(std::span<float> logits, const SampledSequence& sequence);

}  // namespace troupe
