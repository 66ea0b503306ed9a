// Which waiting sequences are proposed for admission: in the order of the policy, except that a few
// later ones may pass one that memory holds back.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/scheduling/policies/policy.h"
#include "engine/scheduling/sequence.h"
#include "engine/scheduling/waiting_queue.h"
#include "engine/scheduling/whereabouts.h"

#include <cstddef>
#include <cstdint>
#include <span>
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
  const Policy* policy = nullptr;
  const SchedulingConfig* config = nullptr;
  MemoryEpochs epochs;
  std::int32_t num_seats = 0;
  std::int32_t budget = 0;       // tokens
  std::int32_t num_running = 0;  // that may go on in this step
  /// How many tokens may be found cached: the choice goes on past the budget, since memory hands
  /// on what a cached prefix saves.
  enum class CachedTokens : std::uint8_t { none, any } cached = CachedTokens::any;
  /// Running ones whose seat may be taken, the least deserving first.
  std::span<Sequence* const> displaceable;
  /// The first running one that memory holds back, or null: whoever entered would take the blocks
  /// that it is short of, so only those who could take its seat may enter.
  const Sequence* held_back_runner = nullptr;
};

struct Entrant {
  Sequence* sequence = nullptr;
  Sequence* displaced = nullptr;  // whose seat it takes; null: a free one
};

/// One that memory holds back, and how many were chosen before it.
struct PassedOver {
  Sequence* sequence = nullptr;
  std::size_t num_before = 0;
};

struct Admissions {
  std::vector<Entrant> entrants;      // in order
  std::vector<PassedOver> held_back;  // in order
  Halt halt;                          // what kept the rest out

  void clear() {
    entrants.clear();
    held_back.clear();
    halt = {};
  }
};

/// It would only be sacrificed again (`preempted`), or what it will be admitted with is not final
/// yet (`result_under_way`).
[[nodiscard]] Hindrance own_hindrance(const Sequence& sequence, const AdmissionTerms& terms);

/// What an entrant may compute at most, under a budget of tokens.
[[nodiscard]] std::int32_t first_chunk(const Sequence& sequence,
                                       std::int32_t budget,
                                       const SchedulingConfig& config);

/// Fills `chosen`, and leaves in each `quota` what it may compute at most.
///
/// A preempted sequence comes back when a running one has ended, or when nobody runs: before, it
/// would only be sacrificed again. Until then nobody behind it enters. One that memory holds back
/// is passed by `kMaxPasses` later ones at most. Costs O(chosen + kMaxHeldBack).
void choose_admissions(const WaitingQueue& waiting,
                       const AdmissionTerms& terms,
                       Admissions& chosen);

/// Counts for each sequence that memory held back how many behind it were admitted.
/// `admitted[k]`: whether the k-th entrant was. Whoever waits no more is left out.
void count_passes(const Admissions& chosen,
                  const MemoryEpochs& epochs,
                  const std::vector<bool>& admitted);

}  // namespace troupe
