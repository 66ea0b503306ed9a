#include "transport/sampling_fields.h"

#include "engine/api/request.h"
#include "transport/field_reader.h"

#include <charconv>
#include <limits>
#include <string>

namespace troupe::transport {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t kDefaultCompletionTokens = 16;  // OpenAI's, for completions alone

using FieldReader = Result<void> (*)(std::string_view, JsonValue&, SamplingDraft&);

template <float SamplingParams::*Member>
Result<void> real_field(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  auto number = read_real(name, value);
  if (!number) {
    return pass(std::move(number));
  }
  draft.params.*Member = *number;
  return {};
}

template <bool SamplingParams::*Member>
Result<void> flag_field(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  auto flag = read_flag(name, value);
  if (!flag) {
    return pass(std::move(flag));
  }
  draft.params.*Member = *flag;
  return {};
}

// Reads into any place that takes a 32-bit integer.
template <class Place>
Result<void> count_into(Place& place,
                        std::string_view name,
                        const JsonValue& value,
                        IntegerRange range) {
  auto count = read_count(name, value, range);
  if (!count) {
    return pass(std::move(count));
  }
  place = *count;
  return {};
}

Result<void> max_tokens(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  return count_into(draft.params.max_tokens, name, value, {1, kLargest});
}

Result<void> max_completion_tokens(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  return count_into(draft.max_completion_tokens, name, value, {1, kLargest});
}

Result<void> min_tokens(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  return count_into(draft.params.min_tokens, name, value, {0, kLargest});
}

Result<void> top_k(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  // vLLM's older clients say -1 for "off".
  auto read = count_into(draft.params.top_k, name, value, {-1, kLargest});
  if (read && draft.params.top_k < 0) {
    draft.params.top_k = 0;
  }
  return read;
}

Result<void> seed(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  if (const auto* large = value.large_integer()) {
    draft.params.seed = *large;
    return {};
  }
  auto whole = read_integer(
      name, value,
      {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()});
  if (!whole) {
    return pass(std::move(whole));
  }
  draft.params.seed = static_cast<std::uint64_t>(*whole);
  return {};
}

Result<void> stop(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  if (auto* text = value.text()) {
    draft.params.stop = {std::move(*text)};
    return {};
  }
  auto* array = value.array();
  if (array == nullptr) {
    return wrong_kind(name, "a string or an array of strings", value);
  }
  for (auto& entry : *array) {
    auto text = read_text(name, entry);
    if (!text) {
      return pass(std::move(text));
    }
    draft.params.stop.push_back(std::move(*text));
  }
  return {};
}

Result<void> stop_token_ids(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  auto tokens = read_tokens(name, value);
  if (!tokens) {
    return pass(std::move(tokens));
  }
  draft.params.stop_token_ids = std::move(*tokens);
  return {};
}

Result<void> logit_bias(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  const auto* object = value.object();
  if (object == nullptr) {
    return wrong_kind(name, "an object from token ids to numbers", value);
  }
  for (const auto& [key, bias] : *object) {
    TokenId token = 0;
    const auto* end = key.data() + key.size();
    const auto parsed = std::from_chars(key.data(), end, token);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return fail(ErrorCode::invalid_value, "logit_bias has a name that is not a token id",
                  std::string(name));
    }
    auto number = read_real(name, bias);
    if (!number) {
      return pass(std::move(number));
    }
    draft.params.logit_bias.emplace_back(token, *number);
  }
  return {};
}

Result<void> completion_logprobs(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  return count_into(draft.params.logprobs, name, value, {0, kMaxLogprobs});
}

Result<void> chat_logprobs(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  auto flag = read_flag(name, value);
  if (!flag) {
    return pass(std::move(flag));
  }
  draft.wants_logprobs = *flag;
  return {};
}

Result<void> top_logprobs(std::string_view name, JsonValue& value, SamplingDraft& draft) {
  return count_into(draft.top_logprobs, name, value, {0, kMaxLogprobs});
}

// One sample a request for now: the others are possible numbers that are not offered.
Result<void> one_only(std::string_view name, JsonValue& value, SamplingDraft& /*draft*/) {
  constexpr std::int64_t kMaxSamples = 8;
  auto count = read_count(name, value, {1, kMaxSamples});
  if (!count) {
    return pass(std::move(count));
  }
  if (*count != 1) {
    return fail(ErrorCode::unsupported,
                std::string(name) + " above 1 is not supported; send the request again for each",
                std::string(name));
  }
  return {};
}

struct Field {
  std::string_view name;
  FieldReader read;
};

constexpr Field kFields[] = {
    {"temperature", real_field<&SamplingParams::temperature>},
    {"top_p", real_field<&SamplingParams::top_p>},
    {"min_p", real_field<&SamplingParams::min_p>},
    {"presence_penalty", real_field<&SamplingParams::presence_penalty>},
    {"frequency_penalty", real_field<&SamplingParams::frequency_penalty>},
    {"repetition_penalty", real_field<&SamplingParams::repetition_penalty>},
    {"top_k", top_k},
    {"seed", seed},
    {"max_tokens", max_tokens},
    {"max_completion_tokens", max_completion_tokens},
    {"min_tokens", min_tokens},
    {"stop", stop},
    {"stop_token_ids", stop_token_ids},
    {"logit_bias", logit_bias},
    {"ignore_eos", flag_field<&SamplingParams::ignore_eos>},
    {"include_stop_str_in_output", flag_field<&SamplingParams::include_stop_str_in_output>},
    {"skip_special_tokens", flag_field<&SamplingParams::skip_special_tokens>},
    {"n", one_only},
    {"best_of", one_only},
};

FieldReader find_reader(Endpoint endpoint, std::string_view name) {
  if (name == "logprobs") {
    return endpoint == Endpoint::chat ? chat_logprobs : completion_logprobs;
  }
  if (name == "top_logprobs" && endpoint == Endpoint::chat) {
    return top_logprobs;
  }
  for (const auto& field : kFields) {
    if (field.name == name) {
      return field.read;
    }
  }
  return nullptr;
}

}  // namespace

Result<bool> read_sampling_field(Endpoint endpoint,
                                 std::string_view name,
                                 JsonValue& value,
                                 SamplingDraft& draft) {
  const auto reader = find_reader(endpoint, name);
  if (reader == nullptr) {
    return false;
  }
  if (auto read = reader(name, value, draft); !read) {
    return pass(std::move(read));
  }
  return true;
}

Result<SamplingParams> settle(Endpoint endpoint, SamplingDraft draft) {
  auto& params = draft.params;
  // The newer name wins: the older one is OpenAI's deprecated spelling of it.
  if (draft.max_completion_tokens) {
    params.max_tokens = draft.max_completion_tokens;
  }
  if (endpoint == Endpoint::completions) {
    params.max_tokens = params.max_tokens.value_or(kDefaultCompletionTokens);
    return std::move(params);
  }
  if (draft.top_logprobs && !draft.wants_logprobs) {
    return fail(ErrorCode::invalid_value, "top_logprobs needs logprobs to be true", "top_logprobs");
  }
  if (draft.wants_logprobs) {
    params.logprobs = draft.top_logprobs.value_or(0);
  }
  return std::move(params);
}

}  // namespace troupe::transport
