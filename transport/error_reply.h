// Failures as HTTP answers, with the header fields that belong to each.
#pragma once

#include "engine/base/result.h"
#include "transport/drain_rate.h"
#include "transport/http_message.h"

#include <string>

namespace troupe::transport {

/// The answer to a request that failed with `error`. A 503 tells when to come back, a 504 that
/// coming back is no use, a 401 what to bring.
[[nodiscard]] HttpReply error_reply(const Error& error, const DrainRate& drain_rate);

/// The answer with a bare status, e.g. 405 or 413.
[[nodiscard]] HttpReply status_reply(std::int32_t status, std::string message);

}  // namespace troupe::transport
