// The fields of a request that say on which terms it is served: how urgent it is, how long its
// client waits, what becomes of its result. From JSON to values; they are the same at both
// endpoints.
#pragma once

#include "engine/api/request.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "transport/json_value.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

/// The fields as they were given.
struct RequestTerms {
  std::optional<std::int32_t> priority;  // higher first
  std::string service_tier;              // empty: none was asked for
  std::optional<Duration> deadline;
  std::string cache_salt;
  std::optional<Duration> retain;
  std::string request_id;  // empty: none was chosen
};

/// Reads the field `name` into `terms`, or gives false when it is none of these. `value` is not
/// null and may be moved from. Error: `invalid_value`.
[[nodiscard]] Result<bool> read_terms_field(std::string_view name,
                                            JsonValue& value,
                                            RequestTerms& terms);

/// Error: `invalid_value` for fields that contradict each other.
[[nodiscard]] Result<void> check_terms(const RequestTerms& terms);

/// The priority that `terms` come to at a server that serves `model`. A tier is a wish: where no
/// priority is heeded it asks for nothing.
[[nodiscard]] std::int32_t priority_of(const RequestTerms& terms, const ModelCard& model);

/// The tier that serves a request with `terms`, for the answer; empty when none was asked for.
[[nodiscard]] std::string_view served_tier(const RequestTerms& terms, const ModelCard& model);

}  // namespace troupe::transport
