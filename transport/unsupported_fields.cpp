#include "transport/unsupported_fields.h"

#include <string>

namespace troupe::transport {
namespace {

// Whether a value asks for nothing beyond what happens anyway.
using Harmless = bool (*)(const JsonValue&);

bool never(const JsonValue& /*value*/) {
  return false;
}

bool if_false(const JsonValue& value) {
  const auto* flag = value.boolean();
  return flag != nullptr && !*flag;
}

bool if_true(const JsonValue& value) {
  const auto* flag = value.boolean();
  return flag != nullptr && *flag;
}

bool if_flag(const JsonValue& value) {
  return value.boolean() != nullptr;
}

bool if_one(const JsonValue& value) {
  return value.number() == 1.0;
}

bool if_empty_list(const JsonValue& value) {
  return value.array() != nullptr && value.array()->empty();
}

// Without tools there is nothing to choose from, and both words mean that none is called.
bool if_no_tool_is_forced(const JsonValue& value) {
  return value.text() != nullptr && (*value.text() == "none" || *value.text() == "auto");
}

bool if_text_format(const JsonValue& value) {
  const auto* object = value.object();
  const auto* type = object == nullptr ? nullptr : find_member(*object, "type");
  return type != nullptr && type->text() != nullptr && *type->text() == "text";
}

bool if_text_modality(const JsonValue& value) {
  const auto* list = value.array();
  return list != nullptr && list->size() == 1 && list->front().text() != nullptr &&
         *list->front().text() == "text";
}

struct Field {
  std::string_view name;
  Harmless harmless;
};

constexpr Field kFields[] = {
    // OpenAI's.
    {"suffix", never},
    {"tools", if_empty_list},
    {"tool_choice", if_no_tool_is_forced},
    {"parallel_tool_calls", if_flag},
    {"functions", if_empty_list},
    {"function_call", if_no_tool_is_forced},
    {"response_format", if_text_format},
    {"reasoning_effort", never},
    {"verbosity", never},
    {"modalities", if_text_modality},
    {"audio", never},
    {"prediction", never},
    {"web_search_options", never},
    {"store", if_false},
    // vLLM's.
    {"use_beam_search", if_false},
    {"length_penalty", if_one},
    {"spaces_between_special_tokens", if_true},
    {"bad_words", if_empty_list},
    {"allowed_token_ids", never},
    {"prompt_logprobs", never},
    {"truncate_prompt_tokens", never},
    {"truncation_side", never},
    {"add_special_tokens", never},
    {"continue_final_message", if_false},
    {"chat_template", never},
    {"chat_template_kwargs", never},
    {"documents", never},
    {"return_token_ids", if_false},
    {"return_tokens_as_token_ids", if_false},
    {"session_id", never},
    {"stream_interval", if_one},
    {"kv_transfer_params", never},
    {"vllm_xargs", never},
    {"prompt_embeds", never},
    {"structural_tag", never},
    {"structured_outputs", never},
    {"guided_json", never},
    {"guided_regex", never},
    {"guided_choice", never},
    {"guided_grammar", never},
    // Ours, of a later version.
    {"explain", if_false},
};

}  // namespace

Result<bool> read_unsupported_field(std::string_view name, const JsonValue& value) {
  for (const auto& field : kFields) {
    if (field.name != name) {
      continue;
    }
    if (field.harmless(value)) {
      return true;
    }
    return fail(ErrorCode::unsupported,
                std::string(name) + " is not supported by this server; leave it out",
                std::string(name));
  }
  return false;
}

}  // namespace troupe::transport
