// The forward pass once more, as its formulas stand in the papers: whole sequences in double, no
// cache, no batch. The oracle of the oracle.
#pragma once

#include "engine/model/model_spec.h"
#include "kernels/reference/reference_weights.h"

#include <vector>

namespace troupe {

/// The logits [V] after the last of `tokens`.
[[nodiscard]] std::vector<double> plain_logits(const ModelSpec& spec,
                                               const ReferenceWeights& weights,
                                               const std::vector<TokenId>& tokens);

}  // namespace troupe
