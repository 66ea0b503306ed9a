// Reads a model's text files whole.
#pragma once

#include "engine/base/result.h"

#include <cstddef>
#include <filesystem>
#include <string>

namespace troupe {

/// The content of `file`. Errors, with the file's name: `not_found`, `invalid_model` beyond
/// `max_bytes`, `io`.
[[nodiscard]] Result<std::string> read_text_file(const std::filesystem::path& file,
                                                 std::size_t max_bytes);

}  // namespace troupe
