// What every file has in common: a size that can be read in one sitting, a first line that says
// what it is, a name with a meaning.
#include "tests/architecture/source_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace troupe::architecture {
namespace {

constexpr std::size_t kMaxSourceLines = 500;
constexpr std::size_t kMaxHeaderLines = 300;
// All messages of the house stand in one list, so that every arrow can be found in one place.
constexpr std::string_view kMessages = "actors/messages.h";

std::size_t max_lines(const SourceFile& file) {
  return is_header(file) && file.path != kMessages ? kMaxHeaderLines : kMaxSourceLines;
}

bool has_line(const SourceFile& file, std::string_view wanted) {
  return std::ranges::find(file.lines, wanted) != file.lines.end();
}

TEST_CASE("every file can be read in one sitting") {
  for (const auto& file : all_sources()) {
    INFO(file.path, " has ", file.lines.size(), " lines");
    CHECK(file.lines.size() <= max_lines(file));
  }
}

TEST_CASE("every header says what it is and is included once") {
  for (const auto& file : all_sources()) {
    if (is_header(file)) {
      INFO(file.path);
      REQUIRE(!file.lines.empty());
      CHECK(file.lines.front().starts_with("// "));
      CHECK(has_line(file, "#pragma once"));
    }
  }
}

TEST_CASE("no file is a drawer for what has no home") {
  constexpr std::array<std::string_view, 5> kDrawers = {"util", "common", "helper", "misc",
                                                        "stuff"};
  for (const auto& file : all_sources()) {
    for (const auto drawer : kDrawers) {
      INFO(file.path);
      CHECK(file.path.find(drawer) == std::string::npos);
    }
  }
}

TEST_CASE("all of ours lives in the namespace troupe") {
  for (const auto& file : all_sources()) {
    if (is_header(file)) {
      INFO(file.path);
      const bool opens = std::ranges::any_of(
          file.lines, [](const std::string& line) { return line.starts_with("namespace troupe"); });
      CHECK(opens);
    }
  }
}

}  // namespace
}  // namespace troupe::architecture
