// The repository's own sources as text, for the tests that read them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::architecture {

struct SourceFile {
  std::string path;                // from the repository's root, with slashes
  std::vector<std::string> lines;  // without their newlines
};

/// One `#include` line.
struct Include {
  std::string target;    // between the delimiters
  std::size_t line = 0;  // from 1
};

/// All C++ and CUDA files of the rooms, the examples and the tests, by path.
[[nodiscard]] const std::vector<SourceFile>& all_sources();

[[nodiscard]] std::vector<Include> includes_of(const SourceFile& file);

/// A file from text, for tests of the rules themselves.
[[nodiscard]] SourceFile make_source(std::string path, std::string_view text);

[[nodiscard]] bool is_header(const SourceFile& file);

/// The first folder of a path, e.g. `kernels`.
[[nodiscard]] std::string_view tower_of(std::string_view path);

}  // namespace troupe::architecture
