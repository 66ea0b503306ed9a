// Every tensor owns its bytes through `ModelWeights::files`.
#include "tests/kernels/cpu/random_model.h"

#include "engine/base/random.h"
#include "kernels/cpu/bfloat16.h"

#include <cmath>
#include <cstring>
#include <utility>

namespace troupe::test {
namespace {

using Storage = std::vector<std::vector<std::byte>>;

std::uint16_t to_half(float value) {
  // Good for the magnitudes of weights: normal numbers, truncated.
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto exponent = static_cast<std::int32_t>((bits >> 23U) & 0xffU) - 112;
  const auto sign = (bits >> 16U) & 0x8000U;
  if (exponent <= 0 || exponent >= 31) {
    return static_cast<std::uint16_t>(sign);
  }
  return static_cast<std::uint16_t>(sign | (static_cast<std::uint32_t>(exponent) << 10U) |
                                    ((bits >> 13U) & 0x3ffU));
}

class Maker {
 public:
  explicit Maker(const RandomModelOptions& options)
      : options_(options), storage_(std::make_shared<Storage>()) {}

  /// Sum of four uniform numbers: near enough to a normal one, and quick.
  float normal() {
    const auto bits = random_bits(options_.seed, counter_++);
    std::int32_t sum = 0;
    for (unsigned part = 0; part < 4; ++part) {
      sum += static_cast<std::int32_t>((bits >> (16 * part)) & 0xffffU) - 32768;
    }
    return static_cast<float>(sum) / 37837.0F;
  }

  TensorView tensor(std::vector<std::int64_t> shape, float mean, float deviation) {
    std::int64_t count = 1;
    for (const auto extent : shape) {
      count *= extent;
    }
    const std::int64_t size = options_.dtype == DType::float32 ? 4 : 2;
    auto& bytes = storage_->emplace_back(static_cast<std::size_t>(count * size));
    for (std::int64_t i = 0; i < count; ++i) {
      const float value = mean + deviation * normal();
      put(value, bytes.data() + i * size);
    }
    return {.dtype = options_.dtype, .shape = std::move(shape), .data = bytes.data()};
  }

  TensorView matrix(std::int64_t num_outputs, std::int64_t num_inputs) {
    const float natural = 1.0F / std::sqrt(static_cast<float>(num_inputs));
    return tensor({num_outputs, num_inputs}, 0.0F,
                  options_.deviation > 0.0F ? options_.deviation : natural);
  }

  TensorView norm(std::int64_t size) { return tensor({size}, 1.0F, 0.2F); }

  TensorView bias(std::int64_t size) {
    return options_.biases ? tensor({size}, 0.0F, 0.2F) : TensorView();
  }

  [[nodiscard]] std::shared_ptr<const void> files() const { return storage_; }

 private:
  void put(float value, std::byte* to) const {
    if (options_.dtype == DType::float32) {
      std::memcpy(to, &value, sizeof value);
      return;
    }
    const std::uint16_t bits =
        options_.dtype == DType::float16 ? to_half(value) : cpu::narrow(value);
    std::memcpy(to, &bits, sizeof bits);
  }

  RandomModelOptions options_;
  std::shared_ptr<Storage> storage_;
  std::uint64_t counter_ = 0;
};

ModelSpec make_spec(const RandomShape& shape, const RandomModelOptions& options) {
  ModelSpec spec;
  spec.architecture = "LlamaForCausalLM";
  spec.hidden_size = shape.hidden_size;
  spec.num_layers = shape.num_layers;
  spec.num_heads = shape.num_heads;
  spec.num_kv_heads = shape.num_kv_heads;
  spec.head_size = shape.head_size;
  spec.intermediate_size = shape.intermediate_size;
  spec.vocab_size = shape.vocab_size;
  spec.max_position = shape.max_position;
  spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(shape.head_size));
  spec.qk_norm = options.qk_norm ? QkNorm::per_head : QkNorm::none;
  spec.tied_embeddings = shape.tied_embeddings;
  spec.dtype = options.dtype;
  spec.rope.rotary_dim = shape.head_size;
  for (std::int32_t i = 0; i < shape.head_size / 2; ++i) {
    const auto exponent = -2.0 * i / shape.head_size;
    spec.rope.inverse_frequency.push_back(static_cast<float>(std::pow(10000.0, exponent)));
  }
  return spec;
}

LayerWeights make_layer(const RandomShape& shape, const RandomModelOptions& options, Maker& maker) {
  const auto query = std::int64_t{shape.num_heads} * shape.head_size;
  const auto key = std::int64_t{shape.num_kv_heads} * shape.head_size;
  LayerWeights layer;
  layer.attention_norm = maker.norm(shape.hidden_size);
  layer.q = maker.matrix(query, shape.hidden_size);
  layer.k = maker.matrix(key, shape.hidden_size);
  layer.v = maker.matrix(key, shape.hidden_size);
  layer.q_bias = maker.bias(query);
  layer.k_bias = maker.bias(key);
  layer.v_bias = maker.bias(key);
  if (options.qk_norm) {
    layer.q_norm = maker.norm(shape.head_size);
    layer.k_norm = maker.norm(shape.head_size);
  }
  layer.o = maker.matrix(shape.hidden_size, query);
  layer.o_bias = maker.bias(shape.hidden_size);
  layer.mlp_norm = maker.norm(shape.hidden_size);
  layer.gate = maker.matrix(shape.intermediate_size, shape.hidden_size);
  layer.gate_bias = maker.bias(shape.intermediate_size);
  layer.up = maker.matrix(shape.intermediate_size, shape.hidden_size);
  layer.up_bias = maker.bias(shape.intermediate_size);
  layer.down = maker.matrix(shape.hidden_size, shape.intermediate_size);
  layer.down_bias = maker.bias(shape.hidden_size);
  return layer;
}

}  // namespace

std::shared_ptr<const Model> random_model(const RandomShape& shape,
                                          const RandomModelOptions& options) {
  Maker maker(options);
  auto model = std::make_shared<Model>();
  model->spec = make_spec(shape, options);
  model->weights.embedding = maker.matrix(shape.vocab_size, shape.hidden_size);
  model->weights.final_norm = maker.norm(shape.hidden_size);
  model->weights.lm_head = shape.tied_embeddings
                               ? model->weights.embedding
                               : maker.matrix(shape.vocab_size, shape.hidden_size);
  for (std::int32_t i = 0; i < shape.num_layers; ++i) {
    model->weights.layers.push_back(make_layer(shape, options, maker));
  }
  model->weights.files = maker.files();
  return model;
}

}  // namespace troupe::test
