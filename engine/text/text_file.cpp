// See text_file.h.
#include "engine/text/text_file.h"

#include <fstream>
#include <system_error>

namespace troupe {

Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t max_bytes) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    return fail(ErrorCode::not_found, file.string() + ": no such file");
  }
  const auto size = std::filesystem::file_size(file, error);
  if (error) {
    return fail(ErrorCode::io, file.string() + ": " + error.message());
  }
  if (size > max_bytes) {
    return fail(ErrorCode::invalid_model, file.string() + " has " + std::to_string(size) +
                                              " bytes, at most " + std::to_string(max_bytes) +
                                              " are read");
  }
  std::ifstream stream(file, std::ios::binary);
  std::string content(size, '\0');
  if (!stream.read(content.data(), static_cast<std::streamsize>(size))) {
    return fail(ErrorCode::io, file.string() + ": cannot be read");
  }
  return content;
}

}  // namespace troupe
