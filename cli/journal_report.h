// What `troupe replay` and `troupe explain` print of a journal.
#pragma once

#include "engine/journal/explain.h"
#include "engine/journal/replay.h"

#include <string>

namespace troupe::cli {

/// Whether all that was replayed is what was recorded, and how the journal ended. Lines.
[[nodiscard]] std::string replay_summary(const journal::ReplayReport& report);

/// What kept a story from being told to its end: a difference, damage, a cut. Lines, or nothing.
[[nodiscard]] std::string replay_problems(const journal::ReplayReport& report);

/// The requests of a journal, one a line under a heading.
[[nodiscard]] std::string request_table(const journal::Explanation& explanation);

/// `request 99 is not in the journal; 12 are: 1, 2, 3, 4, 5, …`
[[nodiscard]] std::string unknown_request(RequestId request,
                                          const journal::Explanation& explanation);

/// A story's lines.
[[nodiscard]] std::string story_text(const journal::Explanation& explanation);

/// A story as one JSON object: `{"request", "lines": [{"time_s", "step", "event", …}], …}`.
[[nodiscard]] std::string story_json(RequestId request, const journal::Explanation& explanation);

}  // namespace troupe::cli
