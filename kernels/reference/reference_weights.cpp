#include "kernels/reference/reference_weights.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace troupe {
namespace {

float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits.
float from_float16(std::uint16_t bits) {
  const auto exponent = static_cast<int>(bits >> 10U & 0x1fU);
  const auto fraction = static_cast<float>(bits & 0x3ffU);
  const auto sign = (bits & 0x8000U) != 0 ? -1.0F : 1.0F;
  if (exponent == 0x1f) {
    return sign * (fraction == 0.0F ? INFINITY : NAN);
  }
  return exponent == 0 ? sign * std::ldexp(fraction, -24)
                       : sign * std::ldexp(fraction + 1024.0F, exponent - 25);
}

// Element `index` of raw memory that need not know its type.
template <class Bits>
Bits load(const std::byte* data, std::size_t index) {
  Bits bits;
  std::memcpy(&bits, data + index * sizeof bits, sizeof bits);
  return bits;
}

float element(const TensorView& tensor, std::size_t index) {
  switch (tensor.dtype) {
    case DType::float32:
      return load<float>(tensor.data, index);
    case DType::float16:
      return from_float16(load<std::uint16_t>(tensor.data, index));
    case DType::bfloat16:
      return from_bfloat16(load<std::uint16_t>(tensor.data, index));
  }
  return NAN;
}

ReferenceLayer widen(const LayerWeights& layer) {
  return {
      .attention_norm = widen(layer.attention_norm),
      .q = widen(layer.q),
      .k = widen(layer.k),
      .v = widen(layer.v),
      .o = widen(layer.o),
      .q_bias = widen(layer.q_bias),
      .k_bias = widen(layer.k_bias),
      .v_bias = widen(layer.v_bias),
      .o_bias = widen(layer.o_bias),
      .q_norm = widen(layer.q_norm),
      .k_norm = widen(layer.k_norm),
      .mlp_norm = widen(layer.mlp_norm),
      .gate = widen(layer.gate),
      .up = widen(layer.up),
      .down = widen(layer.down),
      .gate_bias = widen(layer.gate_bias),
      .up_bias = widen(layer.up_bias),
      .down_bias = widen(layer.down_bias),
  };
}

}  // namespace

std::vector<float> widen(const TensorView& tensor) {
  if (tensor.empty()) {
    return {};
  }
  std::size_t size = 1;
  for (const auto dimension : tensor.shape) {
    size *= static_cast<std::size_t>(dimension);
  }
  std::vector<float> values(size);
  for (std::size_t index = 0; index < size; ++index) {
    values[index] = element(tensor, index);
  }
  return values;
}

ReferenceWeights widen(const Model& model) {
  ReferenceWeights weights;
  weights.embedding = widen(model.weights.embedding);
  weights.final_norm = widen(model.weights.final_norm);
  if (!model.spec.tied_embeddings) {
    weights.lm_head = widen(model.weights.lm_head);
  }
  for (const auto& layer : model.weights.layers) {
    weights.layers.push_back(widen(layer));
  }
  return weights;
}

}  // namespace troupe
