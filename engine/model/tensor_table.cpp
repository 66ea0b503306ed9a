#include "engine/model/tensor_table.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {
namespace {

// The sizes that occur in shapes.
enum class Size : std::uint8_t { none, hidden, query, key_value, head, intermediate, vocab };

// Why a tensor is there or not: for every family, by choice, or as its family says.
enum class Rule : std::uint8_t { required, optional, qkv_bias, qk_norm };

struct Slot {
  std::string_view name;
  TensorView LayerWeights::*member;
  Size rows;
  Size columns;
  Rule rule;
};

constexpr Slot kLayerSlots[] = {
    {"input_layernorm.weight", &LayerWeights::attention_norm, Size::hidden, Size::none,
     Rule::required},
    {"self_attn.q_proj.weight", &LayerWeights::q, Size::query, Size::hidden, Rule::required},
    {"self_attn.k_proj.weight", &LayerWeights::k, Size::key_value, Size::hidden, Rule::required},
    {"self_attn.v_proj.weight", &LayerWeights::v, Size::key_value, Size::hidden, Rule::required},
    {"self_attn.q_proj.bias", &LayerWeights::q_bias, Size::query, Size::none, Rule::qkv_bias},
    {"self_attn.k_proj.bias", &LayerWeights::k_bias, Size::key_value, Size::none, Rule::qkv_bias},
    {"self_attn.v_proj.bias", &LayerWeights::v_bias, Size::key_value, Size::none, Rule::qkv_bias},
    {"self_attn.q_norm.weight", &LayerWeights::q_norm, Size::head, Size::none, Rule::qk_norm},
    {"self_attn.k_norm.weight", &LayerWeights::k_norm, Size::head, Size::none, Rule::qk_norm},
    {"self_attn.o_proj.weight", &LayerWeights::o, Size::hidden, Size::query, Rule::required},
    {"self_attn.o_proj.bias", &LayerWeights::o_bias, Size::hidden, Size::none, Rule::optional},
    {"post_attention_layernorm.weight", &LayerWeights::mlp_norm, Size::hidden, Size::none,
     Rule::required},
    {"mlp.gate_proj.weight", &LayerWeights::gate, Size::intermediate, Size::hidden, Rule::required},
    {"mlp.up_proj.weight", &LayerWeights::up, Size::intermediate, Size::hidden, Rule::required},
    {"mlp.gate_proj.bias", &LayerWeights::gate_bias, Size::intermediate, Size::none,
     Rule::optional},
    {"mlp.up_proj.bias", &LayerWeights::up_bias, Size::intermediate, Size::none, Rule::optional},
    {"mlp.down_proj.weight", &LayerWeights::down, Size::hidden, Size::intermediate, Rule::required},
    {"mlp.down_proj.bias", &LayerWeights::down_bias, Size::hidden, Size::none, Rule::optional},
};

// Buffers that old checkpoints store though they follow from the configuration.
constexpr std::string_view kIgnoredSuffix = "rotary_emb.inv_freq";

std::string show(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const auto size : shape) {
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  }
  return std::string("[") + text + "]";
}

std::optional<DType> dtype_of(StoredDType stored) {
  switch (stored) {
    case StoredDType::float32:
      return DType::float32;
    case StoredDType::float16:
      return DType::float16;
    case StoredDType::bfloat16:
      return DType::bfloat16;
    default:
      return std::nullopt;
  }
}

class TensorPlacer {
 public:
  TensorPlacer(const ModelConfig& config, Checkpoint checkpoint)
      : config_(config), checkpoint_(std::move(checkpoint)) {
    model_.spec = config.spec;
  }

  Result<Model> place() {
    constexpr Result<void> (TensorPlacer::*kStations[])() = {&TensorPlacer::place_embeddings,
                                                             &TensorPlacer::place_layers,
                                                             &TensorPlacer::refuse_unclaimed};
    for (const auto station : kStations) {
      if (auto placed = (this->*station)(); !placed) {
        return pass(std::move(placed));
      }
    }
    complete_spec();
    model_.weights.files = std::move(checkpoint_.files);
    return std::move(model_);
  }

 private:
  Result<void> place_embeddings() {
    const auto vocab = shape_of(Size::vocab, Size::hidden);
    auto& weights = model_.weights;
    if (auto taken = take("model.embed_tokens.weight", vocab, weights.embedding); !taken) {
      return taken;
    }
    if (auto taken =
            take("model.norm.weight", shape_of(Size::hidden, Size::none), weights.final_norm);
        !taken) {
      return taken;
    }
    constexpr std::string_view kHead = "lm_head.weight";
    const auto stored = checkpoint_.tensors.find(kHead) != checkpoint_.tensors.end();
    model_.spec.tied_embeddings = config_.tie_word_embeddings.value_or(!stored);
    // Some files store the head although it is tied; the embedding is then the one that counts.
    if (stored || !model_.spec.tied_embeddings) {
      if (auto taken = take(kHead, vocab, weights.lm_head); !taken) {
        return taken;
      }
    }
    if (model_.spec.tied_embeddings) {
      weights.lm_head = weights.embedding;
    }
    return {};
  }

  Result<void> place_layers() {
    const auto num_layers = model_.spec.num_layers;
    for (std::int32_t layer = 0; layer < num_layers; ++layer) {
      LayerWeights weights;
      for (const auto& slot : kLayerSlots) {
        const auto name = "model.layers." + std::to_string(layer) + "." + std::string(slot.name);
        const auto wanted = layer == 0 ? wanted_in_first(slot, name)
                                       : !(model_.weights.layers.front().*slot.member).empty();
        if (!wanted) {
          continue;
        }
        if (auto taken = take(name, shape_of(slot.rows, slot.columns), weights.*slot.member);
            !taken) {
          return taken;
        }
      }
      model_.weights.layers.push_back(std::move(weights));
    }
    return {};
  }

  [[nodiscard]] bool wanted_in_first(const Slot& slot, const std::string& name) const {
    const auto& family = *config_.family;
    return slot.rule == Rule::required ||
           (slot.rule == Rule::qkv_bias && family.qkv_bias == Presence::required) ||
           (slot.rule == Rule::qk_norm && family.qk_norm == Presence::required) ||
           checkpoint_.tensors.find(name) != checkpoint_.tensors.end();
  }

  // Whatever nobody asked for would be left out of the computation.
  Result<void> refuse_unclaimed() {
    for (const auto& [name, tensor] : checkpoint_.tensors) {
      if (claimed_.count(name) == 0 && !name.ends_with(kIgnoredSuffix)) {
        return fail(ErrorCode::invalid_model,
                    tensor.file + ": tensor \"" + name + "\" " + show(tensor.shape) +
                        " has no place in a " + model_.spec.architecture + " of " +
                        std::to_string(model_.spec.num_layers) + " layers");
      }
    }
    const auto& first = model_.weights.layers.front();
    if (first.q_norm.empty() != first.k_norm.empty()) {
      return fail(ErrorCode::invalid_model, "the checkpoint has one of q_norm and k_norm only");
    }
    return {};
  }

  void complete_spec() {
    const auto normed = !model_.weights.layers.front().q_norm.empty();
    model_.spec.qk_norm = normed ? QkNorm::per_head : QkNorm::none;
    model_.spec.dtype = model_.weights.embedding.dtype;
  }

  Result<void> take(std::string_view name,
                    const std::vector<std::int64_t>& shape,
                    TensorView& place) {
    const auto found = checkpoint_.tensors.find(name);
    if (found == checkpoint_.tensors.end()) {
      return fail(ErrorCode::invalid_model, "tensor \"" + std::string(name) + "\" " + show(shape) +
                                                " is missing from the checkpoint");
    }
    const auto& tensor = found->second;
    const auto where = tensor.file + ": tensor \"" + std::string(name) + "\" ";
    if (tensor.shape != shape) {
      return fail(ErrorCode::invalid_model, where + "has shape " + show(tensor.shape) +
                                                ", config.json makes it " + show(shape));
    }
    const auto dtype = dtype_of(tensor.dtype);
    if (!dtype) {
      return fail(ErrorCode::unsupported, where + "has dtype " +
                                              std::string(to_string(tensor.dtype)) +
                                              "; supported: BF16, F16, F32");
    }
    claimed_.emplace(name);
    place = TensorView{.dtype = *dtype, .shape = shape, .data = tensor.data.data()};
    return {};
  }

  [[nodiscard]] std::vector<std::int64_t> shape_of(Size rows, Size columns) const {
    std::vector<std::int64_t> shape{value_of(rows)};
    if (columns != Size::none) {
      shape.push_back(value_of(columns));
    }
    return shape;
  }

  [[nodiscard]] std::int64_t value_of(Size size) const {
    const auto& spec = model_.spec;
    const std::int64_t head = spec.head_size;
    switch (size) {
      case Size::none:
        return 1;
      case Size::hidden:
        return spec.hidden_size;
      case Size::query:
        return spec.num_heads * head;
      case Size::key_value:
        return spec.num_kv_heads * head;
      case Size::head:
        return head;
      case Size::intermediate:
        return spec.intermediate_size;
      case Size::vocab:
        return spec.vocab_size;
    }
    return 0;
  }

  const ModelConfig& config_;
  Checkpoint checkpoint_;
  Model model_;
  std::set<std::string, std::less<>> claimed_;
};

}  // namespace

Result<Model> place_tensors(const ModelConfig& config, Checkpoint checkpoint) {
  return TensorPlacer(config, std::move(checkpoint)).place();
}

}  // namespace troupe
