// Structured log lines: an event name and typed fields, `ev=worker_lost engine=1 step=40`.
// Never a prompt, a completion or a key. Writes to stderr; the sink is spdlog, known to log.cpp
// only.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace troupe::log {

enum class Level : std::uint8_t { debug, info, warning, error, off };

/// One `name=value` of a line. Text with spaces or quotes is quoted and escaped.
class Field {
 public:
  Field(std::string_view name, std::string_view text);

  Field(std::string_view name, const char* text) : Field(name, std::string_view(text)) {}

  Field(std::string_view name, const std::string& text) : Field(name, std::string_view(text)) {}

  Field(std::string_view name, bool value) : Field(name, value ? "true" : "false") {}

  Field(std::string_view name, double value);

  template <std::integral T>

  requires(!std::same_as<T, bool>) Field(std::string_view name, T value)
      : name_(name), value_(std::to_string(value)) {}

  [[nodiscard]] std::string_view name() const { return name_; }

  [[nodiscard]] std::string_view value() const { return value_; }

 private:
  std::string_view name_;
  std::string value_;
};

/// Lines below `level` are dropped. Call once, before the first thread starts.
void set_level(Level level);

void write(Level level, std::string_view event, std::initializer_list<Field> fields);

inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::debug, event, fields);
}

inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::info, event, fields);
}

inline void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::warning, event, fields);
}

inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace troupe::log
