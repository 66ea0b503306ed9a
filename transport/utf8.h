// How many bytes the character at the beginning of a text has.
#pragma once

#include <cstddef>
#include <string_view>

namespace troupe::transport {

/// The length in bytes of the well-formed UTF-8 character that `text` begins with, 0 if there is
/// none (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
[[nodiscard]] std::size_t utf8_length(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace troupe::transport
