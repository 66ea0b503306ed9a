// How each failure looks from outside: status, type and code in OpenAI's vocabulary. The one table
// of its kind.
#pragma once

#include "engine/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::transport {

struct ErrorLook {
  std::int32_t status = 500;
  std::string_view type;
  std::string_view code;  // empty: null
};

/// The look of `error`. What is ours alone to know (a device, a file) appears as `internal`.
[[nodiscard]] ErrorLook look_of(const Error& error);

/// The look of a bare HTTP status such as 405, whose code is null.
[[nodiscard]] ErrorLook look_of_status(std::int32_t status);

/// Appends `{"message":…,"type":…,"param":…,"code":…}`, without the member "error" around it.
void append_error_object(std::string& out, const ErrorLook& look, const Error& error);

/// `{"error":{…}}`.
[[nodiscard]] std::string format_error(const Error& error);
[[nodiscard]] std::string format_error(const ErrorLook& look, std::string message);

}  // namespace troupe::transport
