#include "tests/architecture/source_tree.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <istream>
#include <sstream>

namespace troupe::architecture {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 8> kFolders = {
    "engine", "kernels", "actors", "rehearsal", "transport", "cli", "examples", "tests"};
constexpr std::array<std::string_view, 6> kExtensions = {".h",  ".cpp", ".inc",
                                                         ".cu", ".cuh", ".hpp"};

// The bridge is Rust behind a header in C, with rules of its own.
constexpr std::string_view kBridge = "engine/text/bridge/";

SourceFile read(std::string path, std::istream& text) {
  SourceFile file{std::move(path), {}};
  for (std::string line; std::getline(text, line);) {
    file.lines.push_back(line);
  }
  return file;
}

std::vector<SourceFile> read_all() {
  const fs::path root = TROUPE_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (const auto folder : kFolders) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const auto path = entry.path().lexically_relative(root).generic_string();
      if (entry.is_regular_file() && !path.starts_with(kBridge) &&
          std::ranges::find(kExtensions, entry.path().extension().string()) != kExtensions.end()) {
        std::ifstream text(entry.path());
        files.push_back(read(path, text));
      }
    }
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

}  // namespace

const std::vector<SourceFile>& all_sources() {
  static const auto files = read_all();
  return files;
}

std::vector<Include> includes_of(const SourceFile& file) {
  std::vector<Include> includes;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const auto& line = file.lines[i];
    const auto hash = line.find_first_not_of(' ');
    if (hash == std::string::npos || line.compare(hash, 8, "#include") != 0) {
      continue;
    }
    const auto open = line.find_first_of("<\"");
    const auto close = line.find_last_of(">\"");
    if (open != std::string::npos && open < close) {
      includes.push_back({line.substr(open + 1, close - open - 1), i + 1});
    }
  }
  return includes;
}

SourceFile make_source(std::string path, std::string_view text) {
  std::istringstream stream{std::string(text)};
  return read(std::move(path), stream);
}

bool is_header(const SourceFile& file) {
  return file.path.ends_with(".h") || file.path.ends_with(".hpp");
}

std::string_view tower_of(std::string_view path) {
  return path.substr(0, path.find('/'));
}

}  // namespace troupe::architecture
