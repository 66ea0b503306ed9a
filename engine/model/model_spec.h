// A decoder-only transformer as numbers: what the forward pass must know besides the weights.
// Tensors decide the structure, config.json decides the numbers, a small table of families the
// rest.
#pragma once

#include "engine/base/ids.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

enum class DType : std::uint8_t { float32, float16, bfloat16 };

/// Where q and k are normalised before RoPE.
enum class QkNorm : std::uint8_t { none, per_head };

/// Rotary position embedding, rotate-half form: the angle of pair i at position p is
/// p * inverse_frequency[i], in float32; cos and sin are scaled by `attention_factor`.
struct Rope {
  std::vector<float> inverse_frequency;  // [rotary_dim / 2]
  float attention_factor = 1.0F;
  std::int32_t rotary_dim = 0;  // the leading dimensions of a head that are rotated
};

struct ModelSpec {
  std::string architecture;      // e.g. "LlamaForCausalLM"
  std::int32_t hidden_size = 0;  // H
  std::int32_t num_layers = 0;
  std::int32_t num_heads = 0;     // query heads
  std::int32_t num_kv_heads = 0;  // divides num_heads
  std::int32_t head_size = 0;     // D
  std::int32_t intermediate_size = 0;
  std::int32_t vocab_size = 0;
  std::int32_t max_position = 0;  // tokens the model was made for
  float norm_epsilon = 1e-5F;
  float attention_scale = 0.0F;  // 1 / sqrt(D) in this family
  QkNorm qk_norm = QkNorm::none;
  bool tied_embeddings = false;
  DType dtype = DType::bfloat16;  // of the checkpoint
  Rope rope;
  std::vector<TokenId> eos_tokens;  // generation_config.json first, then config.json
};

}  // namespace troupe
