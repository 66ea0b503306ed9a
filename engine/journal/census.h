// The requests of a journal at a glance: for those who look for the one to ask about.
#pragma once

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/journal/record.h"
#include "engine/journal/replay.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace troupe::journal {

enum class Fate : std::uint8_t { live, finished, cancelled, refused };

[[nodiscard]] std::string_view name_of(Fate fate);

struct CensusEntry {
  TimePoint arrival;
  std::int32_t num_prompt_tokens = 0;
  std::int32_t num_output_tokens = 0;
  std::int32_t num_preemptions = 0;
  AttemptNumber attempt;  // the last one
  Fate fate = Fate::live;
};

/// Filled while a journal is replayed. Takes memory for each request of the journal, not for its
/// tokens. Not thread-safe.
class Census {
 public:
  /// `turn` is what a replay made of `record` just now.
  void take(const Record& record, const Turn& turn);

  [[nodiscard]] const std::map<RequestId, CensusEntry>& requests() const { return requests_; }

 private:
  void enqueue(const EnqueuedRequest& request);
  void hear(const RequestTokens& tokens);

  std::map<RequestId, CensusEntry> requests_;
};

}  // namespace troupe::journal
