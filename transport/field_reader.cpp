#include "transport/field_reader.h"

#include <cmath>
#include <limits>

namespace troupe::transport {

tl::unexpected<Error> wrong_kind(std::string_view name,
                                 std::string_view wanted,
                                 const JsonValue& value) {
  return fail(ErrorCode::invalid_value,
              std::string(name) + " must be " + std::string(wanted) + ", not " + value.describe(),
              std::string(name));
}

Result<std::int64_t> read_integer(std::string_view name,
                                  const JsonValue& value,
                                  IntegerRange range) {
  const auto* whole = value.integer();
  if (whole == nullptr || *whole < range.low || *whole > range.high) {
    return wrong_kind(
        name,
        "an integer between " + std::to_string(range.low) + " and " + std::to_string(range.high),
        value);
  }
  return *whole;
}

Result<std::int32_t> read_count(std::string_view name, const JsonValue& value, IntegerRange range) {
  auto whole = read_integer(name, value, range);
  if (!whole) {
    return pass(std::move(whole));
  }
  return static_cast<std::int32_t>(*whole);
}

Result<float> read_real(std::string_view name, const JsonValue& value) {
  const auto number = value.number();
  // A double beyond a float's range would become infinite, or worse.
  if (!number || !(std::abs(*number) <= static_cast<double>(std::numeric_limits<float>::max()))) {
    return wrong_kind(name, "a number", value);
  }
  return static_cast<float>(*number);
}

Result<bool> read_flag(std::string_view name, const JsonValue& value) {
  const auto* flag = value.boolean();
  if (flag == nullptr) {
    return wrong_kind(name, "true or false", value);
  }
  return *flag;
}

Result<std::string> read_text(std::string_view name, JsonValue& value) {
  auto* text = value.text();
  if (text == nullptr) {
    return wrong_kind(name, "a string", value);
  }
  return std::move(*text);
}

Result<std::vector<std::int32_t>> read_tokens(std::string_view name, const JsonValue& value) {
  const auto* array = value.array();
  if (array == nullptr) {
    return wrong_kind(name, "an array of token ids", value);
  }
  constexpr IntegerRange kTokens = {0, std::numeric_limits<std::int32_t>::max()};
  std::vector<std::int32_t> tokens;
  tokens.reserve(array->size());
  for (const auto& entry : *array) {
    auto token = read_count(name, entry, kTokens);
    if (!token) {
      return pass(std::move(token));
    }
    tokens.push_back(*token);
  }
  return tokens;
}

}  // namespace troupe::transport
