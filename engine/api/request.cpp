#include "engine/api/request.h"

#include <algorithm>
#include <cmath>

namespace troupe {
namespace {

tl::unexpected<Error> invalid(std::string param, const std::string& rest) {
  auto message = param + " " + rest;
  return fail(ErrorCode::invalid_value, std::move(message), std::move(param));
}

std::string describe(float value) {
  auto text = std::to_string(value);
  return std::isfinite(value) ? text : std::string("not a finite number");
}

// NaN is in no range.
Result<void> check_range(const char* param, float value, float low, float high) {
  if (value >= low && value <= high) {
    return {};
  }
  return invalid(param, "must be between " + std::to_string(low) + " and " + std::to_string(high) +
                            ", not " + describe(value));
}

Result<void> check_numbers(const SamplingParams& sampling) {
  constexpr float kMaxTemperature = 100.0F;

  struct Range {
    const char* param;
    float value;
    float low;
    float high;
  };

  const Range ranges[] = {
      {"temperature", sampling.temperature, 0.0F, kMaxTemperature},
      {"top_p", sampling.top_p, 0.0F, 1.0F},
      {"min_p", sampling.min_p, 0.0F, 1.0F},
      {"presence_penalty", sampling.presence_penalty, -2.0F, 2.0F},
      {"frequency_penalty", sampling.frequency_penalty, -2.0F, 2.0F},
      {"repetition_penalty", sampling.repetition_penalty, 0.0F, 2.0F},
  };
  for (const auto& range : ranges) {
    if (auto checked = check_range(range.param, range.value, range.low, range.high); !checked) {
      return checked;
    }
  }
  if (sampling.top_p == 0.0F) {
    return invalid("top_p", "must be above 0; for the likeliest token alone use temperature 0");
  }
  if (sampling.repetition_penalty == 0.0F) {
    return invalid("repetition_penalty", "must be above 0");
  }
  if (sampling.top_k < 0) {
    return invalid("top_k", "must be 0 (off) or positive, not " + std::to_string(sampling.top_k));
  }
  return {};
}

Result<void> check_lengths(const SamplingParams& sampling, const ModelCard& model) {
  if (sampling.max_tokens && *sampling.max_tokens < 1) {
    return invalid("max_tokens", "must be at least 1, not " + std::to_string(*sampling.max_tokens));
  }
  if (sampling.max_tokens && *sampling.max_tokens > model.max_model_len) {
    return fail(ErrorCode::context_length_exceeded,
                "max_tokens is " + std::to_string(*sampling.max_tokens) + ", model \"" +
                    model.name + "\" takes " + std::to_string(model.max_model_len) +
                    " tokens of prompt and output together",
                "max_tokens");
  }
  const auto max_output = sampling.max_tokens.value_or(model.max_model_len);
  if (sampling.min_tokens < 0 || sampling.min_tokens > max_output) {
    return invalid("min_tokens", "must be between 0 and max_tokens (" + std::to_string(max_output) +
                                     "), not " + std::to_string(sampling.min_tokens));
  }
  if (sampling.logprobs && (*sampling.logprobs < 0 || *sampling.logprobs > kMaxLogprobs)) {
    return invalid("logprobs", "must be between 0 and " + std::to_string(kMaxLogprobs) + ", not " +
                                   std::to_string(*sampling.logprobs));
  }
  return {};
}

Result<void> check_token(const char* param, TokenId token, const ModelCard& model) {
  if (token >= 0 && token < model.vocab_size) {
    return {};
  }
  return invalid(param, "has token " + std::to_string(token) + ", the vocabulary ends at " +
                            std::to_string(model.vocab_size - 1));
}

Result<void> check_stops(const SamplingParams& sampling, const ModelCard& model) {
  if (sampling.stop.size() > kMaxStopStrings) {
    return invalid("stop", "takes at most " + std::to_string(kMaxStopStrings) + " strings, not " +
                               std::to_string(sampling.stop.size()));
  }
  for (const auto& stop : sampling.stop) {
    if (stop.empty() || stop.size() > kMaxStopStringBytes) {
      return invalid("stop", "strings must have 1 to " + std::to_string(kMaxStopStringBytes) +
                                 " bytes, not " + std::to_string(stop.size()));
    }
  }
  if (sampling.stop_token_ids.size() > kMaxStopTokens) {
    return invalid("stop_token_ids", "takes at most " + std::to_string(kMaxStopTokens) +
                                         " tokens, not " +
                                         std::to_string(sampling.stop_token_ids.size()));
  }
  for (const auto token : sampling.stop_token_ids) {
    if (auto checked = check_token("stop_token_ids", token, model); !checked) {
      return checked;
    }
  }
  if (sampling.logit_bias.size() > kMaxLogitBiases) {
    return invalid("logit_bias", "takes at most " + std::to_string(kMaxLogitBiases) +
                                     " tokens, not " + std::to_string(sampling.logit_bias.size()));
  }
  constexpr float kMaxBias = 100.0F;
  for (const auto& [token, bias] : sampling.logit_bias) {
    if (auto checked = check_token("logit_bias", token, model); !checked) {
      return checked;
    }
    if (auto checked = check_range("logit_bias", bias, -kMaxBias, kMaxBias); !checked) {
      return checked;
    }
  }
  return {};
}

Result<void> check_chat(const ChatPrompt& chat) {
  if (chat.messages.empty()) {
    return invalid("messages", "must have at least one message");
  }
  for (const auto& message : chat.messages) {
    if (message.role != "system" && message.role != "user" && message.role != "assistant") {
      return fail(ErrorCode::invalid_value,
                  "messages has a role that is none of system, user and assistant", "messages");
    }
  }
  return {};
}

Result<void> check_prompt(const GenerateRequest& request, const ModelCard& model) {
  if (const auto* chat = std::get_if<ChatPrompt>(&request.prompt)) {
    return check_chat(*chat);
  }
  if (const auto* text = std::get_if<TextPrompt>(&request.prompt)) {
    return text->text.empty() ? Result<void>(invalid("prompt", "must not be empty"))
                              : Result<void>();
  }
  const auto& tokens = std::get<TokenPrompt>(request.prompt).tokens;
  for (const auto token : tokens) {
    if (auto checked = check_token("prompt", token, model); !checked) {
      return checked;
    }
  }
  if (auto budget = output_budget(tokens.size(), request.sampling, model); !budget) {
    return pass(std::move(budget));
  }
  return {};
}

Result<void> check_model(const GenerateRequest& request, const ModelCard& model) {
  if (request.model.size() > kMaxModelNameBytes) {
    return invalid("model", "must have at most " + std::to_string(kMaxModelNameBytes) + " bytes");
  }
  if (!request.model.empty() && request.model != model.name) {
    return fail(
        ErrorCode::not_found,
        "model \"" + request.model + "\" is not served here; served: \"" + model.name + "\"",
        "model");
  }
  return {};
}

std::string in_milliseconds(Duration duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
  return std::to_string(whole.count()) + " ms";
}

Result<void> check_terms(const GenerateRequest& request, const ModelCard& model) {
  if (request.priority < -kMaxPriority || request.priority > kMaxPriority) {
    return invalid("priority", "must be between " + std::to_string(-kMaxPriority) + " and " +
                                   std::to_string(kMaxPriority) + ", not " +
                                   std::to_string(request.priority));
  }
  if (request.priority != 0 && !model.accepts_priority) {
    return invalid("priority", "must be 0: this server schedules without priorities");
  }
  if (request.deadline &&
      (*request.deadline <= Duration::zero() || *request.deadline > kMaxDeadline)) {
    return invalid("deadline_ms", "must be above 0 ms and at most " +
                                      in_milliseconds(kMaxDeadline) + ", not " +
                                      in_milliseconds(*request.deadline));
  }
  if (request.cache_salt.size() > kMaxCacheSaltBytes) {
    return invalid("cache_salt", "must have at most " + std::to_string(kMaxCacheSaltBytes) +
                                     " bytes, not " + std::to_string(request.cache_salt.size()));
  }
  if (request.retain && (*request.retain <= Duration::zero() || *request.retain > kMaxRetain)) {
    return invalid("retain", "must be above 0 ms and at most " + in_milliseconds(kMaxRetain) +
                                 ", not " + in_milliseconds(*request.retain));
  }
  return {};
}

}  // namespace

Result<void> validate(const GenerateRequest& request, const ModelCard& model) {
  if (auto checked = check_model(request, model); !checked) {
    return checked;
  }
  if (auto checked = check_numbers(request.sampling); !checked) {
    return checked;
  }
  if (auto checked = check_lengths(request.sampling, model); !checked) {
    return checked;
  }
  if (auto checked = check_stops(request.sampling, model); !checked) {
    return checked;
  }
  if (auto checked = check_terms(request, model); !checked) {
    return checked;
  }
  return check_prompt(request, model);
}

Result<std::int32_t> output_budget(std::size_t num_prompt_tokens,
                                   const SamplingParams& sampling,
                                   const ModelCard& model) {
  if (num_prompt_tokens == 0) {
    return fail(ErrorCode::invalid_value, "prompt must not be empty", "prompt");
  }
  const auto room =
      static_cast<std::int64_t>(model.max_model_len) - static_cast<std::int64_t>(num_prompt_tokens);
  const std::int64_t asked =
      sampling.max_tokens.value_or(static_cast<std::int32_t>(std::max<std::int64_t>(room, 1)));
  if (asked > room) {
    return fail(ErrorCode::context_length_exceeded,
                "prompt has " + std::to_string(num_prompt_tokens) + " tokens and " +
                    std::to_string(asked) + " are to be generated, model \"" + model.name +
                    "\" takes " + std::to_string(model.max_model_len) + " together",
                "prompt");
  }
  return static_cast<std::int32_t>(asked);
}

}  // namespace troupe
