// All matrices go into one arena, so that they share huge pages.
#include "kernels/cpu/cpu_model.h"

#include "engine/base/check.h"
#include "kernels/cpu/attention.h"

#include <array>
#include <string>

namespace troupe::cpu {
namespace {

Result<void> check_shape(const ModelSpec& spec) {
  if (spec.head_size % 2 != 0 || spec.head_size < 2 || spec.head_size > kMaxHeadSize) {
    return fail(ErrorCode::unsupported, "the CPU kernels take even head sizes up to " +
                                            std::to_string(kMaxHeadSize) + ", the model has " +
                                            std::to_string(spec.head_size));
  }
  if (spec.num_kv_heads < 1 || spec.num_heads % spec.num_kv_heads != 0) {
    return fail(ErrorCode::unsupported, std::to_string(spec.num_heads) +
                                            " query heads cannot be shared out among " +
                                            std::to_string(spec.num_kv_heads) + " KV heads");
  }
  if (spec.rope.rotary_dim % 2 != 0 || spec.rope.rotary_dim > spec.head_size) {
    return fail(ErrorCode::unsupported, "cannot rotate " + std::to_string(spec.rope.rotary_dim) +
                                            " of " + std::to_string(spec.head_size) +
                                            " dimensions of a head");
  }
  return {};
}

std::int64_t matrix_bytes(std::int32_t num_outputs, std::int32_t num_inputs) {
  return Arena::padded(packed_elements(num_outputs, num_inputs) *
                       static_cast<std::int64_t>(sizeof(Bf16)));
}

std::int64_t packed_bytes(const ModelSpec& spec) {
  const auto query = spec.num_heads * spec.head_size;
  const auto key_value = 2 * spec.num_kv_heads * spec.head_size;
  const auto layer = matrix_bytes(query + key_value, spec.hidden_size) +
                     matrix_bytes(spec.hidden_size, query) +
                     2 * matrix_bytes(spec.intermediate_size, spec.hidden_size) +
                     matrix_bytes(spec.hidden_size, spec.intermediate_size);
  return layer * spec.num_layers + matrix_bytes(spec.vocab_size, spec.hidden_size);
}

/// Packs one model's tensors into its arena.
class Packer {
 public:
  Packer(const ModelSpec& spec, Arena& arena, ThreadTeam& team)
      : spec_(spec), arena_(arena), team_(team) {}

  PackedMatrix matrix(std::span<const TensorView> parts) {
    std::int64_t num_outputs = 0;
    for (const auto& part : parts) {
      num_outputs += part.shape.at(0);
    }
    const auto num_inputs = static_cast<std::int32_t>(parts[0].shape.at(1));
    const auto elements = packed_elements(static_cast<std::int32_t>(num_outputs), num_inputs);
    return pack(parts, arena_.take<Bf16>(elements), team_);
  }

  PackedMatrix matrix(const TensorView& tensor) { return matrix(std::span(&tensor, 1)); }

  static std::vector<float> vector(const TensorView& tensor, std::int32_t size) {
    return widen_vectors(std::span(&tensor, 1), std::span(&size, 1));
  }

  CpuLayer layer(const LayerWeights& weights) {
    const auto hidden = spec_.hidden_size;
    const auto query = spec_.num_heads * spec_.head_size;
    const auto key = spec_.num_kv_heads * spec_.head_size;
    CpuLayer layer;
    layer.attention_norm = vector(weights.attention_norm, hidden);
    layer.qkv = matrix(std::array{weights.q, weights.k, weights.v});
    layer.qkv_bias = widen_vectors(std::array{weights.q_bias, weights.k_bias, weights.v_bias},
                                   std::array{query, key, key});
    layer.q_norm = vector(weights.q_norm, spec_.head_size);
    layer.k_norm = vector(weights.k_norm, spec_.head_size);
    layer.o = matrix(weights.o);
    layer.o_bias = vector(weights.o_bias, hidden);
    layer.mlp_norm = vector(weights.mlp_norm, hidden);
    layer.gate = matrix(weights.gate);
    layer.gate_bias = vector(weights.gate_bias, spec_.intermediate_size);
    layer.up = matrix(weights.up);
    layer.up_bias = vector(weights.up_bias, spec_.intermediate_size);
    layer.down = matrix(weights.down);
    layer.down_bias = vector(weights.down_bias, hidden);
    return layer;
  }

 private:
  const ModelSpec& spec_;
  Arena& arena_;
  ThreadTeam& team_;
};

}  // namespace

Result<std::shared_ptr<const CpuModel>> pack_model(std::shared_ptr<const Model> model,
                                                   std::int32_t num_threads) {
  TROUPE_CHECK(model != nullptr, "a model to pack");
  const auto& spec = model->spec;
  if (auto fits = check_shape(spec); !fits) {
    return pass(std::move(fits));
  }
  auto memory = HostMemory::reserve(packed_bytes(spec), "the packed model");
  if (!memory) {
    return pass(std::move(memory));
  }
  auto packed = std::make_shared<CpuModel>();
  packed->arena = Arena(std::move(*memory));
  ThreadTeam team(num_threads);
  Packer packer(spec, packed->arena, team);
  for (const auto& layer : model->weights.layers) {
    packed->layers.push_back(packer.layer(layer));
  }
  packed->final_norm = Packer::vector(model->weights.final_norm, spec.hidden_size);
  packed->lm_head = packer.matrix(model->weights.lm_head);
  packed->source = std::move(model);
  return std::shared_ptr<const CpuModel>(std::move(packed));
}

}  // namespace troupe::cpu
