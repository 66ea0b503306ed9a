#include "engine/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace troupe::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

// Built on first use; spdlog's colour sink serialises the lines of several threads.
spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>(
        "troupe", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
    made->set_level(spdlog::level::info);
    return made;
  }();
  return *instance;
}

bool is_plain(char character) {
  return character > ' ' && character < '\x7f' && character != '"' && character != '\\' &&
         character != '=';
}

// Control characters are escaped, so that text from outside can never forge a line.
std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') {
      quoted += '\\';
      quoted += character;
    } else if (character == '\n') {
      quoted += "\\n";
    } else if (static_cast<unsigned char>(character) < ' ' || character == '\x7f') {
      quoted += '?';
    } else {
      quoted += character;
    }
  }
  return quoted + '"';
}

}  // namespace

Field::Field(std::string_view name, std::string_view text) : name_(name) {
  bool plain = !text.empty();
  for (const char character : text) {
    plain = plain && is_plain(character);
  }
  value_ = plain ? std::string(text) : quote(text);
}

Field::Field(std::string_view name, double value)
    : name_(name), value_(fmt::format("{:.6g}", value)) {}

void set_level(Level level) {
  logger().set_level(to_spdlog(level));
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  const auto spdlog_level = to_spdlog(level);
  if (!logger().should_log(spdlog_level)) {
    return;
  }
  std::string line = "ev=";
  line += event;
  for (const auto& field : fields) {
    line += ' ';
    line += field.name();
    line += '=';
    line += field.value();
  }
  logger().log(spdlog_level, "{}", line);
}

}  // namespace troupe::log
