// Which waiting sequences are proposed for admission: first come, first served, except that a few
// later ones may pass one that memory holds back.
#pragma once

#include "engine/scheduling/sequence.h"
#include "engine/scheduling/waiting_queue.h"

#include <cstdint>
#include <vector>

namespace troupe {

/// Marks in time by which the scheduler knows whether a refusal by memory is still worth asking
/// again: blocks come home by releases and by preemptions, and by nothing else.
struct MemoryEpochs {
  std::uint64_t refused = 1;   // raised by every release and preemption
  std::uint64_t released = 1;  // raised by releases alone
};

/// There was no room for it, and nothing has come home since.
[[nodiscard]] inline bool held_back(const Sequence& sequence, const MemoryEpochs& epochs) {
  return sequence.deferred_at == epochs.refused;
}

/// What one step has to offer to those that wait.
struct AdmissionTerms {
  MemoryEpochs epochs;
  std::int32_t num_seats = 0;
  std::int32_t budget = 0;       // tokens
  std::int32_t num_running = 0;  // that may go on in this step
  /// How many tokens may be found cached: the choice goes on past the budget, since memory hands
  /// on what a cached prefix saves.
  enum class CachedTokens : std::uint8_t { none, any } cached = CachedTokens::any;
};

/// It would only be sacrificed again, or what it will be admitted with is not final yet.
[[nodiscard]] bool must_wait(const Sequence& sequence, const AdmissionTerms& terms);

/// Fills `chosen`, by arrival, and leaves in each `quota` what it may compute at most.
///
/// A preempted sequence comes back when a running one has ended, or when nobody runs: before, it
/// would only be sacrificed again. Until then nobody passes it. One that memory holds back is
/// passed by `kMaxPasses` later ones at most. Costs O(chosen + kMaxHeldBack).
void choose_admissions(const WaitingQueue& waiting,
                       const AdmissionTerms& terms,
                       std::vector<Sequence*>& chosen);

/// Counts for each held-back sequence who was admitted before it. `admitted`: in one step, by
/// arrival.
void count_passes(const WaitingQueue& waiting,
                  const MemoryEpochs& epochs,
                  const std::vector<Sequence*>& admitted);

}  // namespace troupe
