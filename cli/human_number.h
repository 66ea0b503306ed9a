// Whole numbers as people write them: 8192, 8K (binary), 32k (decimal), 1.5G, and back.
#pragma once

#include "engine/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::cli {

/// Reads `text`: digits, perhaps a decimal point, perhaps one suffix. k, m, g, t count in
/// thousands; K, M, G, T in 1,024s, and may be followed by `iB`. Errors: `invalid_value` for
/// anything else, for a number that is not whole, and for one beyond 63 bits.
[[nodiscard]] Result<std::int64_t> parse_human_number(std::string_view text);

/// 1234567 as `1,234,567`.
[[nodiscard]] std::string with_commas(std::int64_t number);

/// A size in the largest unit that leaves at least 1: `3.1 GiB`, `96 KiB`, `12 bytes`.
[[nodiscard]] std::string human_bytes(std::int64_t bytes);

/// A count in short: `4.9 M`, `8.0 B`, `812`.
[[nodiscard]] std::string human_count(std::int64_t count);

}  // namespace troupe::cli
