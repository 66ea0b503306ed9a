#include "cli/assembly.h"

#include "cli/device.h"
#include "engine/model/weights.h"
#include "engine/scheduling/policies/policy.h"
#include "engine/text/chat_template.h"
#include "engine/text/prompt_encoder.h"
#include "engine/text/tokenizer.h"

#include <array>
#include <functional>
#include <numeric>
#include <utility>

namespace troupe {
namespace {

std::int64_t num_elements(const TensorView& tensor) {
  return tensor.empty() ? 0
                        : std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1},
                                          std::multiplies<>());
}

std::int64_t bytes_of(DType dtype) {
  return dtype == DType::float32 ? 4 : 2;
}

// Adds up what the checkpoint holds; a tied output layer is the embedding and counts once.
void count_weights(const Model& model, Assembly& assembly) {
  const auto count = [&assembly](const TensorView& tensor) {
    assembly.num_parameters += num_elements(tensor);
    assembly.weight_bytes += num_elements(tensor) * bytes_of(tensor.dtype);
  };
  const auto& weights = model.weights;
  count(weights.embedding);
  count(weights.final_norm);
  if (!model.spec.tied_embeddings) {
    count(weights.lm_head);
  }
  for (const auto& layer : weights.layers) {
    const std::array<const TensorView*, 18> tensors = {
        &layer.attention_norm, &layer.q,      &layer.k,         &layer.v,
        &layer.q_bias,         &layer.k_bias, &layer.v_bias,    &layer.o_bias,
        &layer.q_norm,         &layer.k_norm, &layer.o,         &layer.mlp_norm,
        &layer.gate,           &layer.up,     &layer.gate_bias, &layer.up_bias,
        &layer.down_bias,      &layer.down};
    for (const auto* tensor : tensors) {
      count(*tensor);
    }
  }
}

Result<std::int32_t> choose_max_model_len(const AssemblyOptions& options, const ModelSpec& spec) {
  const auto chosen = options.max_model_len.value_or(spec.max_position);
  if (chosen > spec.max_position) {
    return fail(ErrorCode::invalid_value,
                "--max-model-len is " + std::to_string(chosen) + ", the model was made for " +
                    std::to_string(spec.max_position) + " tokens",
                "--max-model-len");
  }
  return chosen;
}

std::string served_name(const AssemblyOptions& options) {
  if (!options.served_model_name.empty()) {
    return options.served_model_name;
  }
  // `models/demo/` ends in an empty name; `models/demo/.` does not name anything either.
  const auto plain = options.model_directory.lexically_normal();
  return plain.has_filename() ? plain.filename().string() : plain.parent_path().filename().string();
}

// What reads and writes the model's text, into the parts of a company.
Result<void> add_text(const AssemblyOptions& options, const ModelSpec& spec, CompanyParts& parts) {
  auto tokenizer = Tokenizer::load(options.model_directory / "tokenizer.json");
  if (!tokenizer) {
    return pass(std::move(tokenizer));
  }
  if ((*tokenizer)->vocab_size() > static_cast<std::size_t>(spec.vocab_size)) {
    return fail(ErrorCode::invalid_model,
                "tokenizer.json has " + std::to_string((*tokenizer)->vocab_size()) +
                    " tokens, the model's embedding has " + std::to_string(spec.vocab_size));
  }
  auto chat_template = ChatTemplate::load(options.model_directory);
  if (!chat_template) {
    return pass(std::move(chat_template));
  }
  parts.tokenizer = *tokenizer;
  parts.encoder = std::make_shared<const PromptEncoder>(*tokenizer, *chat_template);
  return {};
}

EngineConfig engine_config(const AssemblyOptions& options, const ModelSpec& spec) {
  EngineConfig config;
  config.max_num_seqs = options.max_num_seqs;
  config.max_num_batched_tokens = options.max_num_batched_tokens;
  config.max_num_queued_requests = options.max_num_queued_requests;
  config.enable_prefix_caching = options.enable_prefix_caching;
  config.scheduling = options.scheduling;
  config.eos_tokens = spec.eos_tokens;
  return config;
}

}  // namespace

Result<Assembly> assemble(const AssemblyOptions& options) {
  auto model = load_model(options.model_directory);
  if (!model) {
    return pass(std::move(model));
  }
  const auto& spec = (*model)->spec;
  auto max_model_len = choose_max_model_len(options, spec);
  if (!max_model_len) {
    return pass(std::move(max_model_len));
  }
  Assembly assembly;
  auto& parts = assembly.parts;
  if (auto added = add_text(options, spec, parts); !added) {
    return pass(std::move(added));
  }
  auto device = cli::make_device(options, *model, *max_model_len);
  if (!device) {
    return pass(std::move(device));
  }
  assembly.architecture = spec.architecture;
  assembly.device = device->description;
  count_weights(**model, assembly);
  parts.model = {
      .name = served_name(options), .max_model_len = *max_model_len, .vocab_size = spec.vocab_size};
  parts.model.accepts_priority = heeds_priority(options.scheduling.policy);
  parts.engine = engine_config(options, spec);
  parts.engine.max_model_len = *max_model_len;
  parts.engine.block_size = device->description.block_size;
  parts.engine.num_blocks = device->description.num_blocks;
  parts.backend = std::move(device->factory);
  parts.completed = options.completed;
  parts.seed = options.seed;
  parts.record = options.record;
  return assembly;
}

}  // namespace troupe
