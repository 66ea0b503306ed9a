// Fields that clients of other servers know and this one does not offer. They are refused by name
// unless their value asks for nothing, and never silently dropped.
#pragma once

#include "engine/base/result.h"
#include "transport/json_value.h"

#include <string_view>

namespace troupe::transport {

/// True when `name` is such a field and `value`, which is not null, asks for nothing; false when
/// the name is unknown. Error: `unsupported`.
[[nodiscard]] Result<bool> read_unsupported_field(std::string_view name, const JsonValue& value);

}  // namespace troupe::transport
