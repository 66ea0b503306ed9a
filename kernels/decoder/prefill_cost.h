// What a token of a prompt costs to compute: the arithmetic of its matrix products alone, which is
// nearly all of it while a context is short.
#pragma once

#include "engine/model/model_spec.h"

namespace troupe {

/// Operations (a product and a sum are two) of one token through all layers. The vocabulary's
/// matrix is left out: of a prompt only the last token needs it.
[[nodiscard]] inline double operations_per_token(const ModelSpec& spec) {
  const auto attention = 2.0 * (spec.num_heads + spec.num_kv_heads) * spec.head_size;
  const auto mlp = 3.0 * spec.intermediate_size;
  return 2.0 * spec.num_layers * spec.hidden_size * (attention + mlp);
}

}  // namespace troupe
