#include "transport/openai_response.h"

#include "transport/json_writer.h"
#include "transport/logprob_format.h"

#include <variant>

namespace troupe::transport {
namespace {

std::string_view object_name(Endpoint endpoint, std::string_view chat_name) {
  return endpoint == Endpoint::chat ? chat_name : "text_completion";
}

// `{"id":…,"object":…,"created":…,"model":…,"system_fingerprint":…,"choices":[`
void append_opening(std::string& out,
                    const ResponseIdentity& identity,
                    std::string_view chat_object) {
  JsonWriter json(out);
  json.begin_object()
      .member("id", identity.id)
      .member("object", object_name(identity.endpoint, chat_object))
      .member("created", identity.created)
      .member("model", identity.model)
      .member("system_fingerprint", identity.fingerprint);
  if (!identity.service_tier.empty()) {
    json.member("service_tier", identity.service_tier);
  }
  json.key("choices").begin_array();
}

// `,"finish_reason":"…","stop_reason":…}`: the end of a choice that has ended.
void append_choice_end(std::string& out, const Finished& finished) {
  out += R"(,"finish_reason":)";
  append_json_string(out, to_string(finished.reason));
  out += ',';
  append_stop_reason(out, finished);
  out += '}';
}

// Closes the choice, the list and the chunk.
void append_chunk_end(std::string& out, const ChunkCounts& counts) {
  switch (counts.usage) {
    case ChunkUsage::absent:
      out += "]}";
      return;
    case ChunkUsage::null:
      out += R"(],"usage":null})";
      return;
    case ChunkUsage::running:
      out += R"(],"usage":)";
      Usage usage;
      usage.num_prompt_tokens = counts.num_prompt_tokens;
      usage.num_output_tokens = counts.num_output_tokens;
      append_usage(out, usage);
      out += '}';
      return;
  }
}

void append_whole_choice(std::string& out,
                         Endpoint endpoint,
                         std::size_t index,
                         const WholeChoice& choice) {
  const auto& delta = *choice.delta;
  out += R"({"index":)";
  append_json_number(out, index);
  if (endpoint == Endpoint::chat) {
    out += R"(,"message":{"role":"assistant","content":)";
    append_json_string(out, delta.text);
    out += R"(,"refusal":null},"logprobs":)";
    if (delta.logprobs.empty()) {
      out += "null";
    } else {
      append_chat_logprobs(out, delta.logprobs);
    }
  } else {
    out += R"(,"text":)";
    append_json_string(out, std::string(choice.echo) + delta.text);
    out += R"(,"logprobs":)";
    if (delta.logprobs.empty()) {
      out += "null";
    } else {
      append_completion_logprobs(out, delta.logprobs, count_characters(choice.echo));
    }
  }
  append_choice_end(out, *choice.finished);
}

}  // namespace

void append_stop_reason(std::string& out, const Finished& finished) {
  out += R"("stop_reason":)";
  if (const auto* token = std::get_if<TokenId>(&finished.stop_reason)) {
    append_json_number(out, *token);
  } else if (const auto* text = std::get_if<std::string>(&finished.stop_reason)) {
    append_json_string(out, *text);
  } else {
    out += "null";
  }
}

void append_usage(std::string& out, const Usage& usage) {
  JsonWriter json(out);
  json.begin_object()
      .member("prompt_tokens", usage.num_prompt_tokens)
      .member("completion_tokens", usage.num_output_tokens)
      .member("total_tokens", std::int64_t{usage.num_prompt_tokens} + usage.num_output_tokens)
      .key("prompt_tokens_details")
      .begin_object()
      .member("cached_tokens", usage.num_cached_tokens)
      .end_object()
      .end_object();
}

Usage operator+(const Usage& left, const Usage& right) {
  return {left.num_prompt_tokens + right.num_prompt_tokens,
          left.num_cached_tokens + right.num_cached_tokens,
          left.num_output_tokens + right.num_output_tokens};
}

ChunkFormatter::ChunkFormatter(const ResponseIdentity& identity, std::int32_t choice)
    : identity_(identity) {
  append_opening(opening_, identity, "chat.completion.chunk");
  opening_ += R"({"index":)";
  append_json_number(opening_, choice);
  opening_ += identity.endpoint == Endpoint::chat ? R"(,"delta":{)" : R"(,"text":)";
}

void ChunkFormatter::append_role(std::string& out, const ChunkCounts& counts) const {
  out += opening_;
  out += R"("role":"assistant","content":""},"logprobs":null,"finish_reason":null})";
  append_chunk_end(out, counts);
}

void ChunkFormatter::append_text(std::string& out, std::string_view text) const {
  out += opening_;
  if (identity_.endpoint == Endpoint::chat) {
    out += R"("content":)";
    append_json_string(out, text);
    out += '}';
  } else {
    append_json_string(out, text);
  }
  out += R"(,"logprobs":)";
}

void ChunkFormatter::append_delta(std::string& out, const Delta& delta, const ChunkCounts& counts) {
  append_text(out, delta.text);
  if (delta.logprobs.empty()) {
    out += "null";
  } else if (identity_.endpoint == Endpoint::chat) {
    append_chat_logprobs(out, delta.logprobs);
  } else {
    text_offset_ = append_completion_logprobs(out, delta.logprobs, text_offset_);
  }
  out += R"(,"finish_reason":null})";
  append_chunk_end(out, counts);
}

void ChunkFormatter::append_echo(std::string& out,
                                 std::string_view prompt,
                                 const ChunkCounts& counts) {
  text_offset_ += count_characters(prompt);
  append_text(out, prompt);
  out += R"(null,"finish_reason":null})";
  append_chunk_end(out, counts);
}

void ChunkFormatter::append_finish(std::string& out,
                                   const Finished& finished,
                                   const ChunkCounts& counts) const {
  out += opening_;
  out += identity_.endpoint == Endpoint::chat ? "}" : R"("")";
  out += R"(,"logprobs":null)";
  append_choice_end(out, finished);
  append_chunk_end(out, counts);
}

void append_usage_chunk(std::string& out, const ResponseIdentity& identity, const Usage& usage) {
  append_opening(out, identity, "chat.completion.chunk");
  out += R"(],"usage":)";
  append_usage(out, usage);
  out += '}';
}

void append_whole(std::string& out,
                  const ResponseIdentity& identity,
                  const std::vector<WholeChoice>& choices,
                  const Usage& usage) {
  append_opening(out, identity, "chat.completion");
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) {
      out += ',';
    }
    append_whole_choice(out, identity.endpoint, i, choices[i]);
  }
  out += R"(],"usage":)";
  append_usage(out, usage);
  out += '}';
}

}  // namespace troupe::transport
