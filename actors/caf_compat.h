// The one header that includes CAF and knows which version it is.
#pragma once

#include <caf/all.hpp>

static_assert(CAF_VERSION >= 1700 && CAF_VERSION < 1800, "Troupe is written for CAF 0.17");

namespace troupe {

/// Makes an actor quiet and loud in the right places: a message that it does not know is counted
/// in the log by its actor's name alone (never its content, which may be a prompt), a down or exit
/// message without a handler is dropped, and an exception ends the actor with a line in the log.
void set_house_rules(caf::scheduled_actor* self, const char* name);

/// The text of an exception that is in flight, for a log line.
[[nodiscard]] std::string describe(const std::exception_ptr& exception);

}  // namespace troupe
