#include "transport/json_value.h"

#include <algorithm>

namespace troupe::transport {

std::optional<double> JsonValue::number() const {
  if (const auto* real = std::get_if<double>(&data_)) {
    return *real;
  }
  if (const auto* whole = integer()) {
    return static_cast<double>(*whole);
  }
  if (const auto* large = large_integer()) {
    return static_cast<double>(*large);
  }
  return std::nullopt;
}

std::string JsonValue::describe() const {
  if (const auto* whole = integer()) {
    return std::to_string(*whole);
  }
  if (const auto* large = large_integer()) {
    return std::to_string(*large);
  }
  if (const auto real = number()) {
    return std::to_string(*real);
  }
  if (const auto* truth = boolean()) {
    return *truth ? "true" : "false";
  }
  if (text() != nullptr) {
    return "a string";
  }
  if (array() != nullptr) {
    return "an array";
  }
  return object() != nullptr ? "an object" : "null";
}

const JsonValue* find_member(const JsonObject& object, std::string_view name) {
  const auto found = std::ranges::find(object, name, &JsonMember::name);
  return found == object.end() ? nullptr : &found->value;
}

JsonValue* find_member(JsonObject& object, std::string_view name) {
  const auto found = std::ranges::find(object, name, &JsonMember::name);
  return found == object.end() ? nullptr : &found->value;
}

}  // namespace troupe::transport
