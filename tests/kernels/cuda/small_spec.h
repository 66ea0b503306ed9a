// A model with everything in it, grouped heads too, that a test makes in a moment.
#pragma once

#include "engine/model/model_spec.h"

#include <cmath>

namespace troupe {

inline ModelSpec small_spec() {
  ModelSpec spec{.architecture = "LlamaForCausalLM",
                 .hidden_size = 256,
                 .num_layers = 3,
                 .num_heads = 8,
                 .num_kv_heads = 2,
                 .head_size = 64,
                 .intermediate_size = 512,
                 .vocab_size = 1000,
                 .max_position = 1024,
                 .attention_scale = 0.125F,
                 .rope = {},
                 .eos_tokens = {}};
  spec.rope.rotary_dim = 64;
  for (int pair = 0; pair < 32; ++pair) {
    spec.rope.inverse_frequency.push_back(std::pow(10000.0F, static_cast<float>(-pair) / 32.0F));
  }
  return spec;
}

}  // namespace troupe
