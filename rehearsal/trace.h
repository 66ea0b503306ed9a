// A message of a rehearsal as a line, for whoever looks for a bug in a seed.
#pragma once

#include "actors/caf_compat.h"
#include "engine/base/time.h"

#include <string>

namespace troupe::rehearsal {

/// When, who, and what: the message's type, and of the ring's messages what they say.
[[nodiscard]] std::string trace_line(TimePoint now,
                                     const caf::scheduled_actor& receiver,
                                     const caf::type_erased_tuple& content);

}  // namespace troupe::rehearsal
