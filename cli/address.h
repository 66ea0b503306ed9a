// HOST:PORT as a value.
#pragma once

#include "engine/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::cli {

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

/// Reads `HOST:PORT`, `HOST`, `:PORT` or `[IPV6]:PORT`; what is left out comes from `standard`.
/// Errors: `invalid_value`.
[[nodiscard]] Result<Address> parse_address(std::string_view text, const Address& standard);

}  // namespace troupe::cli
