// A JSON document as a value: what json_reader gives and the request parsers walk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::transport {

class JsonValue;
struct JsonMember;
using JsonArray = std::vector<JsonValue>;
/// In the order of the text; no name comes twice.
using JsonObject = std::vector<JsonMember>;

/// One value. An integer is kept exactly, and `1.0` is no integer. A plain value without an owner
/// of its own; depth is bounded by the reader, so destruction and copying may recurse.
class JsonValue {
 public:
  using Data = std::variant<std::nullptr_t,
                            bool,
                            std::int64_t,
                            std::uint64_t,
                            double,
                            std::string,
                            JsonArray,
                            JsonObject>;

  JsonValue();
  explicit JsonValue(Data data);
  JsonValue(const JsonValue&);
  JsonValue(JsonValue&&) noexcept;
  JsonValue& operator=(const JsonValue&);
  JsonValue& operator=(JsonValue&&) noexcept;
  ~JsonValue();

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }

  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&data_); }

  /// The integer, if it is one that 64 signed bits can hold.
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }

  /// The integer, if it is one above what 64 signed bits can hold.
  [[nodiscard]] const std::uint64_t* large_integer() const {
    return std::get_if<std::uint64_t>(&data_);
  }

  /// Any number, rounded to a double.
  [[nodiscard]] std::optional<double> number() const;

  [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&data_); }

  [[nodiscard]] std::string* text() { return std::get_if<std::string>(&data_); }

  [[nodiscard]] const JsonArray* array() const { return std::get_if<JsonArray>(&data_); }

  [[nodiscard]] JsonArray* array() { return std::get_if<JsonArray>(&data_); }

  [[nodiscard]] const JsonObject* object() const { return std::get_if<JsonObject>(&data_); }

  [[nodiscard]] JsonObject* object() { return std::get_if<JsonObject>(&data_); }

  /// What it is, for an error message: "a string", "null", the number itself.
  [[nodiscard]] std::string describe() const;

 private:
  Data data_;  // null when nothing was given
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

// Only here, where both are whole, can a value be made or destroyed.
inline JsonValue::JsonValue() = default;

inline JsonValue::JsonValue(Data data) : data_(std::move(data)) {}

inline JsonValue::JsonValue(const JsonValue&) = default;
inline JsonValue::JsonValue(JsonValue&&) noexcept = default;
inline JsonValue& JsonValue::operator=(const JsonValue&) = default;
inline JsonValue& JsonValue::operator=(JsonValue&&) noexcept = default;
inline JsonValue::~JsonValue() = default;

/// The member `name` of an object, or null when there is none.
[[nodiscard]] const JsonValue* find_member(const JsonObject& object, std::string_view name);
[[nodiscard]] JsonValue* find_member(JsonObject& object, std::string_view name);

}  // namespace troupe::transport
