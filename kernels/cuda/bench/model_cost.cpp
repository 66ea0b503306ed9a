// The models that are measured, and what a step of them costs at least.
#include "kernels/cuda/bench/bench.h"

#include <cmath>

namespace troupe::cuda {
namespace {

ModelSpec make_spec(std::int32_t kv_heads, std::int32_t inner, std::int32_t vocab, float theta) {
  ModelSpec spec{.architecture = "LlamaForCausalLM",
                 .hidden_size = 4096,
                 .num_layers = 32,
                 .num_heads = 32,
                 .num_kv_heads = kv_heads,
                 .head_size = 128,
                 .intermediate_size = inner,
                 .vocab_size = vocab,
                 .max_position = 8192,
                 .attention_scale = 1.0F / std::sqrt(128.0F),
                 .rope = {},
                 .eos_tokens = {}};
  spec.rope.rotary_dim = 128;
  for (int pair = 0; pair < 64; ++pair) {
    spec.rope.inverse_frequency.push_back(std::pow(theta, static_cast<float>(-pair) / 64.0F));
  }
  return spec;
}

double layer_weights(const ModelSpec& spec) {
  const double hidden = spec.hidden_size;
  const double query = static_cast<double>(spec.num_heads) * spec.head_size;
  const double key = static_cast<double>(spec.num_kv_heads) * spec.head_size;
  return spec.num_layers * hidden * (2 * query + 2 * key + 3.0 * spec.intermediate_size);
}

}  // namespace

ModelSpec llama_7b() {
  return make_spec(32, 11008, 32000, 10000.0F);
}

ModelSpec llama_3_8b() {
  return make_spec(8, 14336, 128256, 500000.0F);
}

double weight_bytes(const ModelSpec& spec) {
  return 2.0 * (layer_weights(spec) + static_cast<double>(spec.hidden_size) * spec.vocab_size);
}

double kv_bytes_per_token(const ModelSpec& spec) {
  return 4.0 * spec.num_kv_heads * spec.head_size * spec.num_layers;
}

double flops_per_token(const ModelSpec& spec) {
  return 2.0 * layer_weights(spec);
}

}  // namespace troupe::cuda
