// Single values of a request, from JSON to the type that the engine takes. Each error names the
// field and what it wants.
#pragma once

#include "engine/base/result.h"
#include "transport/json_value.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// Both ends included.
struct IntegerRange {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

/// An exact integer: `1.0`, `"1"` and `true` are none. Error: `invalid_value`.
[[nodiscard]] Result<std::int64_t> read_integer(std::string_view name,
                                                const JsonValue& value,
                                                IntegerRange range);

/// The same for what fits 32 bits.
[[nodiscard]] Result<std::int32_t> read_count(std::string_view name,
                                              const JsonValue& value,
                                              IntegerRange range);

/// A finite number that a float can hold. Error: `invalid_value`.
[[nodiscard]] Result<float> read_real(std::string_view name, const JsonValue& value);

/// Error: `invalid_value`.
[[nodiscard]] Result<bool> read_flag(std::string_view name, const JsonValue& value);

/// Moves the text out. Error: `invalid_value`.
[[nodiscard]] Result<std::string> read_text(std::string_view name, JsonValue& value);

/// An array of token ids, each a non-negative integer of 32 bits. Error: `invalid_value`.
[[nodiscard]] Result<std::vector<std::int32_t>> read_tokens(std::string_view name,
                                                            const JsonValue& value);

/// `invalid_value`: "`name` must be `wanted`, not …".
[[nodiscard]] tl::unexpected<Error> wrong_kind(std::string_view name,
                                               std::string_view wanted,
                                               const JsonValue& value);

}  // namespace troupe::transport
