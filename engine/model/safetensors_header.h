// The JSON header of a safetensors file as a list of entries, not yet checked against the data.
#pragma once

#include "engine/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// One tensor as its file describes it.
struct HeaderEntry {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0;  // of its bytes, in the data behind the header
  std::uint64_t end = 0;
};

/// Reads the header's text event by event and stops at the first that is out of place, so that a
/// hostile header costs no more memory than its tensors would. Error `invalid_model` without the
/// file's name, which the caller knows.
[[nodiscard]] Result<std::vector<HeaderEntry>> parse_safetensors_header(std::string_view text);

}  // namespace troupe
