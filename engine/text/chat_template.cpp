// See chat_template.h.
#include "engine/text/chat_template.h"

#include "engine/text/bridge_call.h"
#include "engine/text/text_file.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <utility>

namespace troupe {

namespace {

using Json = nlohmann::ordered_json;

struct TemplateDeleter {
  void operator()(TroupeTemplate* compiled) const { troupe_template_free(compiled); }
};

Result<Json> parse_config(std::string_view text) {
  Json config = Json::parse(text, nullptr, false);
  if (!config.is_object()) {
    return fail(ErrorCode::invalid_model, "is not a JSON object");
  }
  return config;
}

/// A special token as configs write it: its text, or an object that holds it.
std::optional<std::string> token_text(const Json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return std::nullopt;
}

/// What a template sees of the tokenizer: each `…_token` that the config sets, and the others.
Json special_tokens(const Json& config) {
  constexpr std::string_view kSuffix = "_token";
  Json tokens = Json::object();
  for (const auto& [key, value] : config.items()) {
    const auto text = token_text(value);
    if (text && key.ends_with(kSuffix)) {
      tokens[key] = *text;
    }
  }
  const auto others = config.find("additional_special_tokens");
  if (others != config.end() && others->is_array()) {
    for (const Json& value : *others) {
      if (const auto text = token_text(value)) {
        tokens["additional_special_tokens"].push_back(*text);
      }
    }
  }
  return tokens;
}

/// The template in a config, null without one.
Result<std::optional<std::string>> template_source(const Json& config) {
  const auto entry = config.find("chat_template");
  if (entry == config.end() || entry->is_null()) {
    return std::optional<std::string>();
  }
  if (entry->is_string()) {
    return std::optional(entry->get<std::string>());
  }
  if (entry->is_array()) {
    for (const Json& named : *entry) {
      if (named.is_object() && named.value("name", Json()) == "default" &&
          named.value("template", Json()).is_string()) {
        return std::optional(named["template"].get<std::string>());
      }
    }
  }
  return fail(ErrorCode::invalid_model,
              "chat_template is neither a string nor a list with a template named default");
}

Json to_json(const ChatPrompt& prompt) {
  Json messages = Json::array();
  for (const ChatMessage& message : prompt.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  return messages;
}

Result<std::optional<std::string>> read_if_there(const std::filesystem::path& file) {
  auto text = read_text_file(file, kMaxTemplateFileBytes);
  if (text) {
    return std::optional(std::move(*text));
  }
  if (text.error().code == ErrorCode::not_found) {
    return std::optional<std::string>();
  }
  return pass(std::move(text));
}

tl::unexpected<Error> in_file(const std::filesystem::path& file, const Error& error) {
  return fail(error.code, file.string() + ": " + error.message);
}

}  // namespace

struct ChatTemplate::Parts {
  std::unique_ptr<TroupeTemplate, TemplateDeleter> compiled;
  Json variables;
  std::string own_text;
};

ChatTemplate::ChatTemplate(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}

ChatTemplate::~ChatTemplate() = default;

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::load(
    const std::filesystem::path& folder) {
  const auto config_file = folder / "tokenizer_config.json";
  const auto config_text = read_if_there(config_file);
  if (!config_text) {
    return fail(config_text.error().code, config_text.error().message);
  }
  auto config = parse_config(config_text->value_or("{}"));
  if (!config) {
    return in_file(config_file, config.error());
  }
  auto source_file = folder / "chat_template.jinja";
  auto source = read_if_there(source_file);
  if (source && !source->has_value()) {
    source_file = config_file;
    source = template_source(*config);
    if (!source) {
      return in_file(config_file, source.error());
    }
  }
  if (!source) {
    return pass(std::move(source));
  }
  if (!source->has_value()) {
    return std::shared_ptr<const ChatTemplate>();
  }
  auto compiled = compile(**source, config_text->value_or("{}"));
  if (!compiled) {
    return in_file(source_file, compiled.error());
  }
  return compiled;
}

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::compile(
    std::string_view source, std::string_view tokenizer_config) {
  auto config = parse_config(tokenizer_config);
  if (!config) {
    return pass(std::move(config));
  }
  auto parts = std::make_unique<Parts>();
  parts->variables = special_tokens(*config);
  // What transformers passes when nobody asks for tools or documents.
  parts->variables["tools"] = nullptr;
  parts->variables["documents"] = nullptr;
  parts->own_text = std::string(source) + parts->variables.dump();

  TroupeTemplate* compiled = nullptr;
  bridge::OwnedBytes error;
  const auto status =
      troupe_template_compile(bridge::bytes_of(source), source.size(), &compiled, error.out());
  if (status != TROUPE_BRIDGE_OK) {
    return fail(ErrorCode::invalid_model, "chat template cannot be compiled: " + error.str());
  }
  parts->compiled.reset(compiled);
  return std::shared_ptr<const ChatTemplate>(new ChatTemplate(std::move(parts)));
}

Result<std::string> ChatTemplate::render(const ChatPrompt& prompt, WallTime now) const {
  std::string variables;
  try {
    Json values = parts_->variables;
    values["messages"] = to_json(prompt);
    values["add_generation_prompt"] = prompt.add_generation_prompt;
    variables = values.dump();
  } catch (const nlohmann::json::exception&) {
    return fail(ErrorCode::invalid_value, "messages hold text that is not UTF-8", "messages");
  }
  bridge::OwnedBytes text;
  bridge::OwnedBytes error;
  const auto status =
      troupe_template_render(parts_->compiled.get(), bridge::bytes_of(variables), variables.size(),
                             now.time_since_epoch().count(), text.out(), error.out());
  switch (status) {
    case TROUPE_BRIDGE_OK:
      return text.str();
    case TROUPE_BRIDGE_RAISED:
      return fail(ErrorCode::invalid_value, error.str(), "messages");
    case TROUPE_BRIDGE_REFUSED:
      return fail(ErrorCode::invalid_value, "chat template failed: " + error.str(), "messages");
    default:
      return bridge::failure(status, error, ErrorCode::internal);
  }
}

std::string_view ChatTemplate::own_text() const {
  return parts_->own_text;
}

}  // namespace troupe
