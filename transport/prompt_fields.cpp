#include "transport/prompt_fields.h"

#include "transport/field_reader.h"

#include <string>

namespace troupe::transport {
namespace {

// The first entry says which kind of array it is; the others must agree.
Result<std::vector<Prompt>> read_prompt_array(JsonValue& value, std::size_t max_prompts) {
  auto& array = *value.array();
  if (array.empty()) {
    return fail(ErrorCode::invalid_value, "prompt must not be empty", "prompt");
  }
  const auto many = array.front().text() != nullptr || array.front().array() != nullptr;
  std::vector<Prompt> prompts;
  if (!many) {
    auto tokens = read_tokens("prompt", value);
    if (!tokens) {
      return pass(std::move(tokens));
    }
    prompts.emplace_back(TokenPrompt{std::move(*tokens)});
    return prompts;
  }
  if (array.size() > max_prompts) {
    return fail(ErrorCode::invalid_value,
                "prompt takes at most " + std::to_string(max_prompts) + " prompts at once, not " +
                    std::to_string(array.size()),
                "prompt");
  }
  const auto texts = array.front().text() != nullptr;
  for (auto& entry : array) {
    if (texts) {
      auto text = read_text("prompt", entry);
      if (!text) {
        return pass(std::move(text));
      }
      prompts.emplace_back(TextPrompt{std::move(*text)});
    } else {
      auto tokens = read_tokens("prompt", entry);
      if (!tokens) {
        return pass(std::move(tokens));
      }
      prompts.emplace_back(TokenPrompt{std::move(*tokens)});
    }
  }
  return prompts;
}

Result<void> append_part(const JsonValue& part, const std::string& name, std::string& content) {
  const auto* object = part.object();
  const auto* type = object == nullptr ? nullptr : find_member(*object, "type");
  if (type == nullptr || type->text() == nullptr) {
    return fail(ErrorCode::invalid_value, name + " has a part without a type", name);
  }
  if (*type->text() != "text") {
    return fail(ErrorCode::unsupported, name + " may have parts of type text alone", name);
  }
  const auto* text = find_member(*object, "text");
  if (text == nullptr || text->text() == nullptr) {
    return fail(ErrorCode::invalid_value, name + " has a text part without a text", name);
  }
  if (!content.empty()) {
    content += '\n';
  }
  content += *text->text();
  return {};
}

Result<std::string> read_content(JsonValue* value, const std::string& name) {
  if (value == nullptr || (value->text() == nullptr && value->array() == nullptr)) {
    return wrong_kind(name, "a string or an array of text parts",
                      value == nullptr ? JsonValue() : *value);
  }
  if (auto* text = value->text()) {
    return std::move(*text);
  }
  std::string content;
  for (const auto& part : *value->array()) {
    if (auto appended = append_part(part, name, content); !appended) {
      return pass(std::move(appended));
    }
  }
  return content;
}

Result<ChatMessage> read_message(JsonValue& value, const std::string& name) {
  auto* object = value.object();
  if (object == nullptr) {
    return wrong_kind(name, "an object", value);
  }
  for (const auto* calls : {"tool_calls", "tool_call_id", "function_call", "audio"}) {
    const auto* found = find_member(*object, calls);
    if (found != nullptr && !found->is_null()) {
      return fail(ErrorCode::unsupported, name + "." + calls + " is not supported by this server",
                  name + "." + calls);
    }
  }
  auto* role = find_member(*object, "role");
  if (role == nullptr) {
    return fail(ErrorCode::invalid_value, name + " has no role", name + ".role");
  }
  ChatMessage message;
  auto text = read_text(name + ".role", *role);
  if (!text) {
    return pass(std::move(text));
  }
  message.role = *text == "developer" ? "system" : std::move(*text);
  auto content = read_content(find_member(*object, "content"), name + ".content");
  if (!content) {
    return pass(std::move(content));
  }
  message.content = std::move(*content);
  return message;
}

}  // namespace

Result<std::vector<Prompt>> read_prompts(JsonValue& value, std::size_t max_prompts) {
  if (auto* text = value.text()) {
    std::vector<Prompt> prompts;
    prompts.emplace_back(TextPrompt{std::move(*text)});
    return prompts;
  }
  if (value.array() == nullptr) {
    return wrong_kind("prompt", "a string, an array of strings or an array of token ids", value);
  }
  return read_prompt_array(value, max_prompts);
}

Result<ChatPrompt> read_messages(JsonValue& value) {
  auto* array = value.array();
  if (array == nullptr) {
    return wrong_kind("messages", "an array of messages", value);
  }
  ChatPrompt prompt;
  prompt.messages.reserve(array->size());
  for (auto& entry : *array) {
    auto message = read_message(entry, "messages[" + std::to_string(prompt.messages.size()) + "]");
    if (!message) {
      return pass(std::move(message));
    }
    prompt.messages.push_back(std::move(*message));
  }
  return prompt;
}

}  // namespace troupe::transport
