#include "transport/logprob_format.h"

#include "transport/json_writer.h"
#include "transport/utf8.h"

#include <algorithm>
#include <cmath>

namespace troupe::transport {
namespace {

// JSON has no infinity; this is the value that OpenAI's servers send for "never".
constexpr float kLowestLogprob = -9999.0F;

float sendable(float logprob) {
  return std::isfinite(logprob) ? std::max(logprob, kLowestLogprob) : kLowestLogprob;
}

void append_entry(JsonWriter& json, const TokenLogprob& entry) {
  json.member("token", entry.bytes).member("logprob", sendable(entry.logprob));
  json.key("bytes").begin_array();
  for (const char byte : entry.bytes) {
    json.value(static_cast<unsigned>(static_cast<unsigned char>(byte)));
  }
  json.end_array();
}

// Completions have no member for a token's bytes: a part of a character is spelt `bytes:\xe2\x80`,
// so that two different parts are two different names.
std::string readable_token(std::string_view bytes) {
  if (is_utf8(bytes)) {
    return std::string(bytes);
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "bytes:";
  for (const char character : bytes) {
    const auto byte = static_cast<unsigned char>(character);
    text += "\\x";
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

void append_top(JsonWriter& json, const PositionLogprobs& position) {
  // Two tokens may spell the same text; a name comes once in an object, and the likelier stays.
  std::vector<std::string> names;
  const auto add = [&](const TokenLogprob& entry) {
    auto name = readable_token(entry.bytes);
    if (std::ranges::find(names, name) == names.end()) {
      json.member(name, sendable(entry.logprob));
      names.push_back(std::move(name));
    }
  };
  json.begin_object();
  std::ranges::for_each(position.top, add);
  add(position.sampled);
  json.end_object();
}

}  // namespace

std::int64_t count_characters(std::string_view bytes) {
  return std::ranges::count_if(
      bytes, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; });
}

void append_position_list(std::string& out, const std::vector<PositionLogprobs>& positions) {
  JsonWriter json(out);
  json.begin_array();
  for (const auto& position : positions) {
    json.begin_object();
    append_entry(json, position.sampled);
    json.key("top_logprobs").begin_array();
    for (const auto& entry : position.top) {
      json.begin_object();
      append_entry(json, entry);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
}

void append_chat_logprobs(std::string& out, const std::vector<PositionLogprobs>& positions) {
  out += R"({"content":)";
  append_position_list(out, positions);
  out += R"(,"refusal":null})";
}

std::int64_t append_completion_logprobs(std::string& out,
                                        const std::vector<PositionLogprobs>& positions,
                                        std::int64_t text_offset) {
  JsonWriter json(out);
  json.begin_object().key("tokens").begin_array();
  for (const auto& position : positions) {
    json.value(readable_token(position.sampled.bytes));
  }
  json.end_array().key("token_logprobs").begin_array();
  for (const auto& position : positions) {
    json.value(sendable(position.sampled.logprob));
  }
  json.end_array().key("top_logprobs").begin_array();
  for (const auto& position : positions) {
    append_top(json, position);
  }
  json.end_array().key("text_offset").begin_array();
  for (const auto& position : positions) {
    json.value(text_offset);
    text_offset += count_characters(position.sampled.bytes);
  }
  json.end_array().end_object();
  return text_offset;
}

}  // namespace troupe::transport
