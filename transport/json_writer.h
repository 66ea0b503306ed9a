// JSON by appending to a string: what a stream sends once a token must not build a tree. Knows
// nothing of what the documents mean.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::transport {

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Appends the shortest text that reads back as `number`; what is not finite becomes `null`.
void append_json_number(std::string& out, double number);
void append_json_number(std::string& out, float number);

template <std::integral T>

requires(!std::same_as<T, bool>) void append_json_number(std::string& out, T number) {
  out += std::to_string(number);
}

/// Writes one document at the end of a string that it does not own. Commas are its business;
/// balance is the caller's.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }

  JsonWriter& end_object() { return close('}'); }

  JsonWriter& begin_array() { return open('['); }

  JsonWriter& end_array() { return close(']'); }

  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);

  JsonWriter& value(const char* text) { return value(std::string_view(text)); }

  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }

  template <class T>

  requires std::integral<T> || std::floating_point<T> JsonWriter& value(T number) {
    separate();
    if constexpr (std::same_as<T, bool>) {
      out_ += number ? "true" : "false";
    } else {
      append_json_number(out_, number);
    }
    return *this;
  }

  JsonWriter& null();

  /// A member in one call.
  template <class T>
  JsonWriter& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }

 private:
  void separate();
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);

  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace troupe::transport
