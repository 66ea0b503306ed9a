#include "transport/openai_request.h"

#include "transport/field_reader.h"
#include "transport/prompt_fields.h"
#include "transport/unsupported_fields.h"

#include <optional>
#include <utility>

namespace troupe::transport {
namespace {

// A request while its fields are read, in whatever order they come.
struct Draft {
  Endpoint endpoint = Endpoint::completions;
  std::size_t max_prompts = 0;
  std::string model;
  std::vector<Prompt> prompts;
  SamplingDraft sampling;
  RequestTerms terms;
  bool add_generation_prompt = true;
  bool stream = false;
  bool echo = false;
  bool has_stream_options = false;
  bool include_usage = false;
  bool continuous_usage = false;
  std::vector<std::string> unknown;
};

template <class T>
Result<bool> store(Result<T> read, T& place) {
  if (!read) {
    return pass(std::move(read));
  }
  place = std::move(*read);
  return true;
}

Result<bool> read_stream_options(const JsonValue& value, Draft& draft) {
  const auto* object = value.object();
  if (object == nullptr) {
    return wrong_kind("stream_options", "an object", value);
  }
  draft.has_stream_options = true;
  for (const auto& [name, option] : *object) {
    const auto path = "stream_options." + name;
    if (name != "include_usage" && name != "continuous_usage_stats") {
      draft.unknown.push_back(path);
      continue;
    }
    if (option.is_null()) {
      continue;
    }
    auto& place = name == "include_usage" ? draft.include_usage : draft.continuous_usage;
    if (auto stored = store(read_flag(path, option), place); !stored) {
      return stored;
    }
  }
  return true;
}

Result<bool> read_chat_field(std::string_view name, JsonValue& value, Draft& draft) {
  if (name == "messages") {
    auto chat = read_messages(value);
    if (!chat) {
      return pass(std::move(chat));
    }
    draft.prompts.clear();
    draft.prompts.emplace_back(std::move(*chat));
    return true;
  }
  if (name == "add_generation_prompt") {
    return store(read_flag(name, value), draft.add_generation_prompt);
  }
  return false;
}

Result<bool> read_completion_field(std::string_view name, JsonValue& value, Draft& draft) {
  if (name == "prompt") {
    return store(read_prompts(value, draft.max_prompts), draft.prompts);
  }
  if (name == "echo") {
    return store(read_flag(name, value), draft.echo);
  }
  return false;
}

Result<bool> read_common_field(std::string_view name, JsonValue& value, Draft& draft) {
  if (name == "model") {
    return store(read_text(name, value), draft.model);
  }
  if (name == "stream") {
    return store(read_flag(name, value), draft.stream);
  }
  if (name == "stream_options") {
    return read_stream_options(value, draft);
  }
  if (name == "user") {
    std::string user;  // checked for its kind; nothing here depends on who asks
    return store(read_text(name, value), user);
  }
  return false;
}

// Who might know a field, in turn; the first that does settles it.
Result<bool> read_field(std::string_view name, JsonValue& value, Draft& draft) {
  auto known = read_common_field(name, value, draft);
  if (known && !*known) {
    known = draft.endpoint == Endpoint::chat ? read_chat_field(name, value, draft)
                                             : read_completion_field(name, value, draft);
  }
  if (known && !*known) {
    known = read_sampling_field(draft.endpoint, name, value, draft.sampling);
  }
  if (known && !*known) {
    known = read_terms_field(name, value, draft.terms);
  }
  if (known && !*known) {
    known = read_unsupported_field(name, value);
  }
  return known;
}

tl::unexpected<Error> no_object() {
  return fail(ErrorCode::invalid_json, "the body must be a JSON object");
}

Result<void> read_fields(JsonObject& object, Draft& draft) {
  for (auto& [name, value] : object) {
    // Null is how many clients spell "not given".
    if (value.is_null()) {
      continue;
    }
    auto known = read_field(name, value, draft);
    if (!known) {
      return pass(std::move(known));
    }
    if (!*known) {
      draft.unknown.push_back(name);
    }
  }
  return {};
}

Result<void> check_whole(const Draft& draft, const RequestRules& rules) {
  if (draft.prompts.empty()) {
    const std::string field = draft.endpoint == Endpoint::chat ? "messages" : "prompt";
    return fail(ErrorCode::invalid_value, field + " is missing", field);
  }
  if (!draft.unknown.empty() && rules.unknown_fields == UnknownFields::refuse) {
    return fail(ErrorCode::unsupported, "a field is unknown to this server", draft.unknown.front());
  }
  if (draft.has_stream_options && !draft.stream) {
    return fail(ErrorCode::invalid_value, "stream_options needs stream to be true",
                "stream_options");
  }
  if (draft.echo && draft.sampling.params.logprobs) {
    return fail(ErrorCode::unsupported,
                "echo together with logprobs is not supported: the log-probabilities of the prompt "
                "are not known",
                "echo");
  }
  if (draft.echo && draft.terms.retain) {
    return fail(ErrorCode::unsupported,
                "echo together with retain is not supported: prompts are not kept", "echo");
  }
  return check_terms(draft.terms);
}

Result<std::vector<std::string>> copy_echoes(const Draft& draft) {
  std::vector<std::string> echoes;
  if (!draft.echo) {
    return echoes;
  }
  for (const auto& prompt : draft.prompts) {
    const auto* text = std::get_if<TextPrompt>(&prompt);
    if (text == nullptr) {
      return fail(ErrorCode::unsupported, "echo of a prompt of token ids is not supported", "echo");
    }
    echoes.push_back(text->text);
  }
  return echoes;
}

UsageReports usage_reports(const Draft& draft) {
  if (!draft.include_usage) {
    return UsageReports::none;
  }
  return draft.continuous_usage ? UsageReports::every_chunk : UsageReports::last_chunk;
}

Result<CompletionOrder> assemble(Draft draft) {
  auto echoes = copy_echoes(draft);
  if (!echoes) {
    return pass(std::move(echoes));
  }
  auto sampling = settle(draft.endpoint, std::move(draft.sampling));
  if (!sampling) {
    return pass(std::move(sampling));
  }
  CompletionOrder order;
  order.endpoint = draft.endpoint;
  order.echoes = std::move(*echoes);
  order.stream = draft.stream;
  order.usage_reports = usage_reports(draft);
  order.terms = std::move(draft.terms);
  order.ignored_fields = std::move(draft.unknown);
  for (auto& prompt : draft.prompts) {
    if (auto* chat = std::get_if<ChatPrompt>(&prompt)) {
      chat->add_generation_prompt = draft.add_generation_prompt;
    }
    order.requests.push_back({draft.model, std::move(prompt), *sampling});
  }
  return order;
}

}  // namespace

Result<CompletionOrder> parse_completion(Endpoint endpoint,
                                         JsonValue body,
                                         const RequestRules& rules) {
  auto* object = body.object();
  if (object == nullptr) {
    return no_object();
  }
  Draft draft;
  draft.endpoint = endpoint;
  draft.max_prompts = rules.max_prompts;
  if (auto read = read_fields(*object, draft); !read) {
    return pass(std::move(read));
  }
  if (auto checked = check_whole(draft, rules); !checked) {
    return pass(std::move(checked));
  }
  return assemble(std::move(draft));
}

void apply_terms(CompletionOrder& order, const std::string& tenant, const ModelCard& model) {
  const auto priority = priority_of(order.terms, model);
  for (auto& request : order.requests) {
    request.priority = priority;
    request.deadline = order.terms.deadline;
    request.tenant = tenant;
    request.cache_salt = order.terms.cache_salt;
    request.retain = order.terms.retain;
  }
}

Result<GenerateRequest> parse_tokenize(JsonValue body) {
  auto* object = body.object();
  if (object == nullptr) {
    return no_object();
  }
  const auto* messages = find_member(*object, "messages");
  Draft draft;
  draft.endpoint =
      messages != nullptr && !messages->is_null() ? Endpoint::chat : Endpoint::completions;
  draft.max_prompts = 1;
  // Clients send the fields of a completion along; those that do not matter here may stand.
  for (auto& [name, value] : *object) {
    const auto matters = name == "model" || name == "prompt" || name == "messages" ||
                         name == "add_generation_prompt" || name == "add_special_tokens";
    if (!matters || value.is_null()) {
      continue;
    }
    if (auto known = read_field(name, value, draft); !known) {
      return pass(std::move(known));
    }
  }
  if (auto checked = check_whole(draft, {}); !checked) {
    return pass(std::move(checked));
  }
  auto order = assemble(std::move(draft));
  if (!order) {
    return pass(std::move(order));
  }
  return std::move(order->requests.front());
}

Result<DetokenizeOrder> parse_detokenize(JsonValue body, std::size_t max_tokens) {
  auto* object = body.object();
  if (object == nullptr) {
    return no_object();
  }
  DetokenizeOrder order;
  if (auto* model = find_member(*object, "model"); model != nullptr && !model->is_null()) {
    if (auto stored = store(read_text("model", *model), order.model); !stored) {
      return pass(std::move(stored));
    }
  }
  const auto* tokens = find_member(*object, "tokens");
  if (tokens == nullptr) {
    return fail(ErrorCode::invalid_value, "tokens is missing", "tokens");
  }
  if (auto stored = store(read_tokens("tokens", *tokens), order.tokens); !stored) {
    return pass(std::move(stored));
  }
  if (order.tokens.size() > max_tokens) {
    return fail(ErrorCode::invalid_value,
                "tokens takes at most " + std::to_string(max_tokens) + " of them, not " +
                    std::to_string(order.tokens.size()),
                "tokens");
  }
  return order;
}

}  // namespace troupe::transport
