// Replays a journal for the sake of its requests: who was there, and the story of one of them.
#pragma once

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/journal/census.h"
#include "engine/journal/replay.h"
#include "engine/journal/story.h"

#include <iosfwd>
#include <map>
#include <optional>
#include <vector>

namespace troupe::journal {

struct Explanation {
  std::vector<StoryLine> lines;  // empty where nobody was asked about, or who is not there
  std::map<RequestId, CensusEntry> requests;
  TimePoint origin;     // the first time in the journal: the first arrival, as a rule
  ReplayReport replay;  // a difference or a damage ends the story before its end
};

/// Errors: those of `Reader::open`.
[[nodiscard]] Result<Explanation> explain(std::istream& in, std::optional<RequestId> request);

}  // namespace troupe::journal
