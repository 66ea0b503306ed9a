#include "engine/model/model_config.h"

#include "engine/model/config_fields.h"
#include "engine/model/rope.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace troupe {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxConfigBytes = 1 << 20;
constexpr const char* kConfigFile = "config.json";
constexpr const char* kGenerationConfigFile = "generation_config.json";

// Beyond any model there is, and small enough that products of two of them fit 64 bits by far.
constexpr std::int32_t kMaxHiddenSize = 1 << 17;
constexpr std::int32_t kMaxLayers = 1024;
constexpr std::int32_t kMaxHeads = 1024;
constexpr std::int32_t kMaxHeadSize = 1024;
constexpr std::int32_t kMaxIntermediateSize = 1 << 20;
constexpr std::int32_t kMaxVocabSize = 1 << 22;
constexpr std::int32_t kMaxPosition = 1 << 24;

struct IntegerField {
  const char* key;
  std::int32_t ModelSpec::*member;
  std::int32_t high;
};

constexpr IntegerField kIntegerFields[] = {
    {"hidden_size", &ModelSpec::hidden_size, kMaxHiddenSize},
    {"num_hidden_layers", &ModelSpec::num_layers, kMaxLayers},
    {"num_attention_heads", &ModelSpec::num_heads, kMaxHeads},
    {"intermediate_size", &ModelSpec::intermediate_size, kMaxIntermediateSize},
    {"vocab_size", &ModelSpec::vocab_size, kMaxVocabSize},
    {"max_position_embeddings", &ModelSpec::max_position, kMaxPosition},
};

std::string quoted(const char* key, std::int64_t value) {
  return std::string("\"") + key + "\" (" + std::to_string(value) + ")";
}

Result<const Family*> read_family(const ConfigFields& config) {
  auto architectures = config.texts("architectures");
  if (!architectures) {
    return pass(std::move(architectures));
  }
  if (architectures->empty()) {
    return fail(ErrorCode::invalid_model, config.name() + ": \"architectures\" is missing");
  }
  return find_family(architectures->front());
}

Result<void> read_sizes(const ConfigFields& config, ModelSpec& spec) {
  for (const auto& field : kIntegerFields) {
    auto value = config.integer(field.key, 1, field.high);
    if (!value) {
      return pass(std::move(value));
    }
    spec.*field.member = *value;
  }
  auto epsilon = config.number("rms_norm_eps", 1e-12, 1e-1);
  if (!epsilon) {
    return pass(std::move(epsilon));
  }
  spec.norm_epsilon = static_cast<float>(*epsilon);
  return {};
}

Result<void> read_head_size(const ConfigFields& config, ModelSpec& spec) {
  auto head_size = config.optional_integer("head_dim", 1, kMaxHeadSize);
  if (!head_size) {
    return pass(std::move(head_size));
  }
  if (!*head_size && spec.hidden_size % spec.num_heads != 0) {
    return fail(ErrorCode::invalid_model,
                config.name() + ": " + quoted("hidden_size", spec.hidden_size) +
                    " must be a multiple of " + quoted("num_attention_heads", spec.num_heads) +
                    ", or \"head_dim\" be given");
  }
  spec.head_size =
      static_cast<std::int32_t>(head_size->value_or(spec.hidden_size / spec.num_heads));
  if (spec.head_size > kMaxHeadSize || spec.head_size % 2 != 0) {
    return fail(ErrorCode::invalid_model,
                config.name() + ": the head size must be even and at most " +
                    std::to_string(kMaxHeadSize) + ", not " + std::to_string(spec.head_size));
  }
  spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(spec.head_size));
  return {};
}

Result<void> read_heads(const ConfigFields& config, ModelSpec& spec) {
  auto num_kv_heads = config.optional_integer("num_key_value_heads", 1, kMaxHeads);
  if (!num_kv_heads) {
    return pass(std::move(num_kv_heads));
  }
  spec.num_kv_heads = static_cast<std::int32_t>(num_kv_heads->value_or(spec.num_heads));
  if (spec.num_heads % spec.num_kv_heads != 0) {
    return fail(ErrorCode::invalid_model,
                config.name() + ": " + quoted("num_attention_heads", spec.num_heads) +
                    " must be a multiple of " + quoted("num_key_value_heads", spec.num_kv_heads));
  }
  return read_head_size(config, spec);
}

Result<bool> uses_window(const ConfigFields& config, WindowRule rule) {
  if (rule != WindowRule::on_demand) {
    return rule == WindowRule::always;
  }
  auto demanded = config.boolean("use_sliding_window");
  if (!demanded) {
    return pass(std::move(demanded));
  }
  return demanded->value_or(false);
}

// A window as long as the longest sequence hides nothing; a shorter one would be needed.
Result<void> refuse_window(const ConfigFields& config, const ModelConfig& model) {
  auto used = uses_window(config, model.family->window);
  if (!used) {
    return pass(std::move(used));
  }
  auto window = config.optional_integer("sliding_window", 0, INT32_MAX);
  if (!window) {
    return pass(std::move(window));
  }
  if (*used && *window && **window < model.spec.max_position) {
    return fail(ErrorCode::unsupported,
                config.name() + ": " + quoted("sliding_window", **window) + " below the model's " +
                    std::to_string(model.spec.max_position) + " positions is not supported");
  }
  return {};
}

Result<void> refuse_unknown_maths(const ConfigFields& config) {
  auto quantization = config.object("quantization_config");
  if (!quantization) {
    return pass(std::move(quantization));
  }
  if (*quantization) {
    return fail(ErrorCode::unsupported,
                config.name() + ": quantized checkpoints are not supported");
  }
  auto activation = config.text("hidden_act");
  if (!activation) {
    return pass(std::move(activation));
  }
  const auto name = activation->value_or("silu");
  if (name != "silu" && name != "swish") {
    constexpr std::size_t kMaxShown = 40;
    return fail(ErrorCode::unsupported, config.name() + ": \"hidden_act\" \"" +
                                            name.substr(0, kMaxShown) +
                                            "\" is not supported; supported: silu");
  }
  return {};
}

// generation_config.json is the one that its makers keep correct; config.json is the older place.
Result<std::vector<TokenId>> read_eos(const ConfigFields& config,
                                      const std::optional<ConfigFields>& generation,
                                      std::int32_t vocab_size) {
  if (generation) {
    auto tokens = generation->integers("eos_token_id", 0, vocab_size - 1);
    if (!tokens || !tokens->empty()) {
      return tokens;
    }
  }
  return config.integers("eos_token_id", 0, vocab_size - 1);
}

Result<ModelConfig> read_fields(const ConfigFields& config,
                                const std::optional<ConfigFields>& generation) {
  auto family = read_family(config);
  if (!family) {
    return pass(std::move(family));
  }
  ModelConfig model;
  model.family = *family;
  model.spec.architecture = (*family)->architecture;
  for (const auto read : {read_sizes, read_heads}) {
    if (auto done = read(config, model.spec); !done) {
      return pass(std::move(done));
    }
  }
  auto rope = read_rope(config, model.spec.head_size, model.spec.max_position);
  if (!rope) {
    return pass(std::move(rope));
  }
  model.spec.rope = std::move(rope->rope);
  model.spec.max_position = rope->max_position;
  for (auto refused : {refuse_unknown_maths(config), refuse_window(config, model)}) {
    if (!refused) {
      return pass(std::move(refused));
    }
  }
  auto tied = config.boolean("tie_word_embeddings");
  auto eos = read_eos(config, generation, model.spec.vocab_size);
  if (!tied) {
    return pass(std::move(tied));
  }
  if (!eos) {
    return pass(std::move(eos));
  }
  model.tie_word_embeddings = *tied;
  model.spec.eos_tokens = *std::move(eos);
  return model;
}

Result<ModelConfig> read_both(const Result<Json>& config,
                              const std::optional<Result<Json>>& generation) {
  if (!config) {
    return tl::unexpected<Error>(config.error());
  }
  if (!generation) {
    return read_fields(ConfigFields(*config, kConfigFile), std::nullopt);
  }
  if (!*generation) {
    return tl::unexpected<Error>(generation->error());
  }
  return read_fields(ConfigFields(*config, kConfigFile),
                     ConfigFields(**generation, kGenerationConfigFile));
}

}  // namespace

Result<ModelConfig> parse_model_config(std::string_view config,
                                       std::string_view generation_config) {
  std::optional<Result<Json>> generation;
  if (!generation_config.empty()) {
    generation = parse_json_object(generation_config, kGenerationConfigFile);
  }
  return read_both(parse_json_object(config, kConfigFile), generation);
}

Result<ModelConfig> read_model_config(const std::filesystem::path& directory) {
  std::optional<Result<Json>> generation =
      read_json_object(directory / kGenerationConfigFile, kMaxConfigBytes);
  if (!*generation && generation->error().code == ErrorCode::not_found) {
    generation.reset();  // a checkpoint need not have one
  }
  return read_both(read_json_object(directory / kConfigFile, kMaxConfigBytes), generation);
}

}  // namespace troupe
