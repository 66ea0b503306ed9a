// Writes an engine's journal. Its own thread, since files block; outlives the rings, and ends after
// its engine.
#pragma once

#include "actors/caf_compat.h"
#include "actors/journal_file.h"
#include "actors/messages.h"

#include <optional>
#include <string>

namespace troupe {

struct JournalState {
  std::optional<JournalFile> file;  // none: recording has ended
  caf::actor itself;  // nobody else may be left to hold it when the news of the engine's end comes
  static inline const char* name = "journal";
};

/// Makes the file, tells `engine` whether that went well, and appends what comes in. When it cannot
/// write, or is told to, it ends the recording; whoever sends more is told so.
caf::behavior journal_actor(caf::stateful_actor<JournalState>* self,
                            const std::string& path,
                            const caf::actor& engine);

}  // namespace troupe
