// SHA-256 (FIPS 180-4), for names that nobody can guess and for a name of a key that does not give
// the key away. Not for much data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::transport {

/// The digest of `bytes`.
[[nodiscard]] std::array<std::uint8_t, 32> sha256(std::string_view bytes);

/// The first `num_bytes` (at most 32) of the digest as hexadecimal digits.
[[nodiscard]] std::string sha256_hex(std::string_view bytes, std::size_t num_bytes);

}  // namespace troupe::transport
