// Strict JSON (RFC 8259) from outside: bytes in, a bounded value or an error out. Knows nothing of
// what the document means. The library behind it stands in json_reader.cpp alone.
#pragma once

#include "engine/base/result.h"
#include "transport/json_value.h"

#include <cstddef>
#include <string_view>

namespace troupe::transport {

struct JsonBounds {
  std::size_t max_depth = 64;        // of nested arrays and objects
  std::size_t max_values = 200'000;  // of all kinds, names of members not counted
};

/// Reads one document that fills `bytes`. Integers stay exact up to 64 bits. Refused beyond plain
/// syntax: text that is not UTF-8, a byte order mark, lone surrogates, numbers beyond a double,
/// duplicate names, trailing bytes, and what exceeds `bounds`.
/// Errors: `invalid_json`, with the position or the bound, and never a piece of the text.
[[nodiscard]] Result<JsonValue> read_json(std::string_view bytes, const JsonBounds& bounds);

}  // namespace troupe::transport
