// Lays a model out in one allocation, then fills it: from a checkpoint, or with random numbers.
#include "kernels/cuda/cuda_model.h"

#include "kernels/cuda/attention.h"
#include "kernels/cuda/convert.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/sample.h"
#include "kernels/cuda/status.h"
#include "kernels/cuda/weight_upload.h"

#include <cmath>
#include <initializer_list>
#include <string>
#include <utility>

namespace troupe::cuda {
namespace {

constexpr std::size_t kAlignment = 256;

// A part of a joined tensor; an absent one is zeros where another part is present.
struct Part {
  const TensorView* tensor = nullptr;
  std::int64_t count = 0;
};

// One tensor on the device: where its address goes, and what it is filled with.
struct Slot {
  const Bf16** address = nullptr;
  std::vector<Part> parts;
  float random_bound = 0.0F;  // for a model of random weights
  std::size_t offset = 0;     // bytes, in the allocation
};

class Layout {
 public:
  // `random_bound` 0: such a tensor has no place in a random model.
  void add(const Bf16** address, std::vector<Part> parts, float random_bound) {
    slots_.push_back({address, std::move(parts), random_bound, num_bytes_});
    num_bytes_ += (static_cast<std::size_t>(count(slots_.back())) * sizeof(Bf16) + kAlignment - 1) /
                  kAlignment * kAlignment;
  }

  // Adds the tensor where any of its parts is present.
  void add_optional(const Bf16** address, std::vector<Part> parts) {
    for (const auto& part : parts) {
      if (!part.tensor->empty()) {
        add(address, std::move(parts), 0.0F);
        return;
      }
    }
  }

  [[nodiscard]] static std::int64_t count(const Slot& slot) {
    std::int64_t sum = 0;
    for (const auto& part : slot.parts) {
      sum += part.count;
    }
    return sum;
  }

  [[nodiscard]] const std::vector<Slot>& slots() const { return slots_; }

  [[nodiscard]] std::size_t num_bytes() const { return num_bytes_; }

 private:
  std::vector<Slot> slots_;
  std::size_t num_bytes_ = 0;
};

// Keeps the activations of a random model near the size they came in.
float bound_for(std::int64_t num_inputs) {
  return std::sqrt(3.0F / static_cast<float>(num_inputs));
}

void add_layer(Layout& layout, CudaLayer& to, const LayerWeights& from, const ModelSpec& spec) {
  const std::int64_t hidden = spec.hidden_size;
  const std::int64_t query = std::int64_t{spec.num_heads} * spec.head_size;
  const std::int64_t key = std::int64_t{spec.num_kv_heads} * spec.head_size;
  const std::int64_t inner = spec.intermediate_size;
  const float norm = 1.0F;
  layout.add(&to.attention_norm, {{&from.attention_norm, hidden}}, norm);
  layout.add(&to.qkv, {{&from.q, query * hidden}, {&from.k, key * hidden}, {&from.v, key * hidden}},
             bound_for(hidden));
  layout.add_optional(&to.qkv_bias,
                      {{&from.q_bias, query}, {&from.k_bias, key}, {&from.v_bias, key}});
  if (spec.qk_norm == QkNorm::per_head) {
    layout.add(&to.q_norm, {{&from.q_norm, spec.head_size}}, norm);
    layout.add(&to.k_norm, {{&from.k_norm, spec.head_size}}, norm);
  }
  layout.add(&to.o, {{&from.o, hidden * query}}, bound_for(query));
  layout.add_optional(&to.o_bias, {{&from.o_bias, hidden}});
  layout.add(&to.mlp_norm, {{&from.mlp_norm, hidden}}, norm);
  layout.add(&to.gate_up, {{&from.gate, inner * hidden}, {&from.up, inner * hidden}},
             bound_for(hidden));
  layout.add_optional(&to.gate_up_bias, {{&from.gate_bias, inner}, {&from.up_bias, inner}});
  layout.add(&to.down, {{&from.down, hidden * inner}}, bound_for(inner));
  layout.add_optional(&to.down_bias, {{&from.down_bias, hidden}});
}

// `weights` must outlive the layout, and `model` may not move.
Layout lay_out(CudaModel& model, const ModelWeights& weights) {
  const auto& spec = model.spec;
  const std::int64_t embedding = std::int64_t{spec.vocab_size} * spec.hidden_size;
  Layout layout;
  layout.add(&model.embedding, {{&weights.embedding, embedding}}, 1.0F);
  layout.add(&model.final_norm, {{&weights.final_norm, spec.hidden_size}}, 1.0F);
  if (!spec.tied_embeddings) {
    layout.add(&model.lm_head, {{&weights.lm_head, embedding}}, bound_for(spec.hidden_size));
  }
  model.layers.resize(static_cast<std::size_t>(spec.num_layers));
  for (std::size_t layer = 0; layer < model.layers.size(); ++layer) {
    add_layer(layout, model.layers[layer], weights.layers[layer], spec);
  }
  return layout;
}

// Allocates what was laid out, and gives every tensor its address.
Result<void> place(CudaModel& model, const Layout& layout) {
  auto memory = allocate_device(layout.num_bytes(), "the model's weights");
  if (!memory) {
    return pass(std::move(memory));
  }
  model.memory = *std::move(memory);
  for (const auto& slot : layout.slots()) {
    *slot.address = reinterpret_cast<const Bf16*>(model.memory.data() + slot.offset);
  }
  if (model.spec.tied_embeddings) {
    model.lm_head = model.embedding;
  }
  return {};
}

Result<void> upload(const CudaModel& model, const Layout& layout) {
  auto upload = WeightUpload::make();
  if (!upload) {
    return pass(std::move(upload));
  }
  for (const auto& slot : layout.slots()) {
    auto* target = reinterpret_cast<Bf16*>(model.memory.data() + slot.offset);
    for (const auto& part : slot.parts) {
      auto added = part.tensor->empty() ? upload->add_zeros(target, part.count)
                                        : upload->add(*part.tensor, target);
      if (!added) {
        return added;
      }
      target += part.count;
    }
  }
  return upload->finish();
}

Result<std::shared_ptr<CudaModel>> begin_model(const ModelSpec& spec, std::int32_t device_index) {
  if (auto supported = check_supported(spec); !supported) {
    return pass(std::move(supported));
  }
  if (auto set = check(cudaSetDevice(device_index), "cudaSetDevice"); !set) {
    return pass(std::move(set));
  }
  auto model = std::make_shared<CudaModel>();
  model->spec = spec;
  model->device_index = device_index;
  return model;
}

}  // namespace

Result<void> check_supported(const ModelSpec& spec) {
  const auto group = spec.num_kv_heads > 0 ? spec.num_heads / spec.num_kv_heads : 0;

  const struct {
    bool holds;
    std::string what;
  } needs[] = {
      {spec.head_size == 64 || spec.head_size == 96 || spec.head_size == 128,
       "head size " + std::to_string(spec.head_size) + " (64, 96 and 128 exist)"},
      {group >= 1 && group <= kMaxGroup, std::to_string(group) +
                                             " query heads for a KV head (at most " +
                                             std::to_string(kMaxGroup) + ")"},
      {spec.hidden_size % 8 == 0 && spec.hidden_size <= kMaxNormSize,
       "hidden size " + std::to_string(spec.hidden_size) + " (a multiple of 8, at most " +
           std::to_string(kMaxNormSize) + ")"},
      {spec.intermediate_size % 8 == 0,
       "intermediate size " + std::to_string(spec.intermediate_size) + " (a multiple of 8)"},
      {spec.rope.rotary_dim % 4 == 0 && spec.rope.rotary_dim <= spec.head_size,
       "rotary dimension " + std::to_string(spec.rope.rotary_dim) +
           " (a multiple of 4, at most the head size)"},
      {spec.vocab_size > 0 && spec.vocab_size <= kMaxVocabSize,
       "a vocabulary of " + std::to_string(spec.vocab_size) + " (at most " +
           std::to_string(kMaxVocabSize) + ")"},
  };

  for (const auto& need : needs) {
    if (!need.holds) {
      return fail(ErrorCode::unsupported, "the CUDA backend does not compute " + need.what);
    }
  }
  return {};
}

Result<std::shared_ptr<const CudaModel>> upload_model(const Model& model,
                                                      std::int32_t device_index) {
  auto made = begin_model(model.spec, device_index);
  if (!made) {
    return pass(std::move(made));
  }
  auto& to = **made;
  const auto layout = lay_out(to, model.weights);
  if (auto placed = place(to, layout); !placed) {
    return pass(std::move(placed));
  }
  if (auto uploaded = upload(to, layout); !uploaded) {
    return pass(std::move(uploaded));
  }
  return std::shared_ptr<const CudaModel>(*std::move(made));
}

Result<std::shared_ptr<const CudaModel>> make_random_model(const ModelSpec& spec,
                                                           std::int32_t device_index,
                                                           std::uint64_t seed) {
  auto made = begin_model(spec, device_index);
  if (!made) {
    return pass(std::move(made));
  }
  auto& to = **made;
  ModelWeights none;
  none.layers.resize(static_cast<std::size_t>(spec.num_layers));
  const auto layout = lay_out(to, none);
  if (auto placed = place(to, layout); !placed) {
    return pass(std::move(placed));
  }
  for (const auto& slot : layout.slots()) {
    auto* target = reinterpret_cast<Bf16*>(to.memory.data() + slot.offset);
    if (auto filled =
            fill_random(target, Layout::count(slot), slot.random_bound, seed++, cudaStreamLegacy);
        !filled) {
      return pass(std::move(filled));
    }
  }
  if (auto waited = check(cudaDeviceSynchronize(), "cudaDeviceSynchronize"); !waited) {
    return pass(std::move(waited));
  }
  return std::shared_ptr<const CudaModel>(*std::move(made));
}

}  // namespace troupe::cuda
