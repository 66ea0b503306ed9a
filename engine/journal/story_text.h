// The lines of a story in words.
#pragma once

#include "engine/base/time.h"
#include "engine/journal/story.h"

#include <string>

namespace troupe::journal {

/// `0.0132 s  step 41: waits: no seat is free, 3rd in the queue`. Times count from `origin`.
[[nodiscard]] std::string text_of(const StoryLine& line, TimePoint origin);

/// What happened, without time and step.
[[nodiscard]] std::string words_of(const StoryLine& line);

}  // namespace troupe::journal
