// The shared secret of clients: compared, never kept elsewhere, never logged.
#pragma once

#include <string>
#include <string_view>

namespace troupe::transport {

/// Compares in a time that depends on the lengths alone, never on where the two differ.
[[nodiscard]] bool same_secret(std::string_view given, std::string_view expected);

/// The key in `Authorization: Bearer KEY`, or empty.
[[nodiscard]] std::string_view bearer_key(std::string_view authorization);

}  // namespace troupe::transport
