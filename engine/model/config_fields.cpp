#include "engine/model/config_fields.h"

#include "engine/model/mapped_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace troupe {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxListedIntegers = 256;
constexpr std::size_t kMaxListedTexts = 4096;

// The deepest nesting of brackets outside strings. Looked at before parsing: a parsed level costs
// fifty times its byte.
int nesting_depth(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i];
    if (quoted) {
      i += byte == '\\' ? 1U : 0U;
      quoted = byte != '"';
    } else if (byte == '"') {
      quoted = true;
    } else if (byte == '{' || byte == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (byte == '}' || byte == ']') {
      --depth;
    }
  }
  return deepest;
}

// A value as it can be shown in one short line.
std::string show(const Json& value) {
  constexpr std::size_t kMaxShown = 40;
  auto text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kMaxShown) {
    text.resize(kMaxShown);
    text += "...";
  }
  return text;
}

std::string show(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

// The value as a signed integer: numbers beyond 63 bits are none.
std::optional<std::int64_t> as_integer(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    return number <= INT64_MAX ? std::optional(static_cast<std::int64_t>(number)) : std::nullopt;
  }
  return value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : std::nullopt;
}

std::string integer_range(std::int64_t low, std::int64_t high) {
  return "an integer between " + std::to_string(low) + " and " + std::to_string(high);
}

}  // namespace

Result<Json> read_json_object(const std::filesystem::path& path, std::size_t max_bytes) {
  auto file = MappedFile::open(path);
  if (!file) {
    return pass(std::move(file));
  }
  const auto bytes = (*file)->bytes();
  if (bytes.size() > max_bytes) {
    return fail(ErrorCode::invalid_model, path.filename().string() + ": has " +
                                              std::to_string(bytes.size()) + " bytes, at most " +
                                              std::to_string(max_bytes) + " are read");
  }
  return parse_json_object({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                           path.filename().string());
}

Result<Json> parse_json_object(std::string_view text, const std::string& name) {
  if (nesting_depth(text) > kMaxDepth) {
    return fail(ErrorCode::invalid_model,
                name + ": nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  auto parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) {
    return fail(ErrorCode::invalid_model, name + ": not valid JSON");
  }
  if (!parsed.is_object()) {
    return fail(ErrorCode::invalid_model, name + ": must be a JSON object, not " + show(parsed));
  }
  return parsed;
}

Result<std::optional<ConfigFields>> ConfigFields::object(const char* key) const {
  const auto* value = find(key);
  if (value == nullptr) {
    return std::optional<ConfigFields>();
  }
  if (!value->is_object()) {
    return wrong(key, "an object", *value);
  }
  return std::optional(ConfigFields(*value, name_ + ": " + key));
}

Result<std::optional<std::int64_t>> ConfigFields::optional_integer(const char* key,
                                                                   std::int64_t low,
                                                                   std::int64_t high) const {
  const auto* value = find(key);
  if (value == nullptr) {
    return std::optional<std::int64_t>();
  }
  const auto number = as_integer(*value);
  if (!number || *number < low || *number > high) {
    return wrong(key, integer_range(low, high), *value);
  }
  return number;
}

Result<std::int32_t> ConfigFields::integer(const char* key,
                                           std::int32_t low,
                                           std::int32_t high) const {
  auto value = optional_integer(key, low, high);
  if (!value) {
    return pass(std::move(value));
  }
  if (!*value) {
    return missing(key);
  }
  return static_cast<std::int32_t>(**value);
}

Result<std::optional<double>> ConfigFields::optional_number(const char* key,
                                                            double low,
                                                            double high) const {
  const auto* value = find(key);
  if (value == nullptr) {
    return std::optional<double>();
  }
  const auto number = value->is_number() ? std::optional(value->get<double>()) : std::nullopt;
  if (!number || !(*number >= low && *number <= high)) {
    return wrong(key, "a number between " + show(low) + " and " + show(high), *value);
  }
  return number;
}

Result<double> ConfigFields::number(const char* key, double low, double high) const {
  auto value = optional_number(key, low, high);
  if (!value) {
    return pass(std::move(value));
  }
  if (!*value) {
    return missing(key);
  }
  return **value;
}

Result<std::optional<bool>> ConfigFields::boolean(const char* key) const {
  const auto* value = find(key);
  if (value == nullptr) {
    return std::optional<bool>();
  }
  if (!value->is_boolean()) {
    return wrong(key, "true or false", *value);
  }
  return std::optional(value->get<bool>());
}

Result<std::optional<std::string>> ConfigFields::text(const char* key) const {
  const auto* value = find(key);
  if (value == nullptr) {
    return std::optional<std::string>();
  }
  if (!value->is_string()) {
    return wrong(key, "a string", *value);
  }
  return std::optional(value->get<std::string>());
}

Result<std::vector<std::string>> ConfigFields::texts(const char* key) const {
  std::vector<std::string> texts;
  const auto* value = find(key);
  if (value == nullptr) {
    return texts;
  }
  const auto is_text = [](const Json& entry) { return entry.is_string(); };
  if (!value->is_array() || value->size() > kMaxListedTexts ||
      !std::all_of(value->begin(), value->end(), is_text)) {
    return wrong(key, "a list of at most " + std::to_string(kMaxListedTexts) + " strings", *value);
  }
  for (const auto& entry : *value) {
    texts.push_back(entry.get<std::string>());
  }
  return texts;
}

Result<std::vector<std::int32_t>> ConfigFields::integers(const char* key,
                                                         std::int32_t low,
                                                         std::int32_t high) const {
  std::vector<std::int32_t> integers;
  const auto* value = find(key);
  if (value == nullptr) {
    return integers;
  }
  const auto entries = value->is_array() ? *value : Json::array({*value});
  if (entries.size() > kMaxListedIntegers) {
    return wrong(key, "at most " + std::to_string(kMaxListedIntegers) + " integers", *value);
  }
  for (const auto& entry : entries) {
    const auto number = as_integer(entry);
    if (!number || *number < low || *number > high) {
      return wrong(key, integer_range(low, high), entry);
    }
    integers.push_back(static_cast<std::int32_t>(*number));
  }
  return integers;
}

const Json* ConfigFields::find(const char* key) const {
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

tl::unexpected<Error> ConfigFields::missing(const char* key) const {
  return fail(ErrorCode::invalid_model, name_ + ": \"" + key + "\" is missing");
}

tl::unexpected<Error> ConfigFields::wrong(const char* key,
                                          const std::string& expected,
                                          const Json& found) const {
  return fail(ErrorCode::invalid_model,
              name_ + ": \"" + key + "\" must be " + expected + ", not " + show(found));
}

}  // namespace troupe
