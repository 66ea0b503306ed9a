// A call that a client asks for by its id, as JSON. Pure: text is appended to a string.
#pragma once

#include "engine/api/service.h"
#include "transport/openai_response.h"

#include <string>
#include <vector>

namespace troupe::transport {

class JsonWriter;

/// `{"id":…,"object":"request","status":…,"choices":[…],"usage":…}`: the choices of the call that
/// has `identity`, each with its own status, and of the call the least advanced one, or `failed`.
void append_request(std::string& out,
                    const ResponseIdentity& identity,
                    const std::vector<RequestSnapshot>& choices);

/// `"metrics":{…}`, a member of the object that `json` is writing.
void append_metrics(JsonWriter& json, const Usage& usage, const Timing& timing);

/// The status of the whole call.
[[nodiscard]] RequestPhase phase_of(const std::vector<RequestSnapshot>& choices);

}  // namespace troupe::transport
