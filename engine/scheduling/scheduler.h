// Decides who runs in the next step: continuous batching. Knows nothing of blocks; it is told by
// StepGranted what memory allowed.
#pragma once

#include "engine/api/attempt.h"
#include "engine/api/engine_config.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/scheduling/whereabouts.h"
#include "engine/step/step.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace troupe {

/// What the scheduler says after a step, for its listeners outside the ring.
struct StepOutcome {
  std::vector<RequestTokens> tokens;
  std::vector<RequestId> cleared_suspects;  // got past the step in which they were when it crashed
};

/// A waiting request that is turned away after all: it cannot be served in time any more.
struct Rejection {
  RequestId request;
  AttemptNumber attempt;
  Error error;
};

struct SchedulerStatistics {
  std::int32_t num_waiting = 0;
  std::int32_t num_running = 0;   // on a seat
  std::int32_t num_departed = 0;  // have left it; their last token is on its way
  std::int64_t num_steps = 0;     // with a result
  std::int64_t num_preemptions = 0;
  std::int64_t num_prefill_tokens = 0;
  std::int64_t num_decode_tokens = 0;
  std::int64_t num_discarded_rows = 0;  // computed for a sequence that had ended
};

/// Owned by the scheduler actor; not thread-safe.
class Scheduler {
 public:
  /// `suspect_groups`: requests that were in a step that crashed (see `crash_suspects.h`). Each
  /// group runs alone, one after another, until all its members have got a token or ended.
  Scheduler(const EngineConfig& config,
            RingNumber ring,
            std::vector<std::vector<RequestId>> suspect_groups = {});
  ~Scheduler();
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(Scheduler&&) noexcept;

  /// Puts a request into the waiting queue. An older attempt of the same request is cancelled.
  /// Errors: `queue_full`; `never_fits` when it could not run even alone.
  [[nodiscard]] Result<void> enqueue(EnqueuedRequest request);

  /// Forgets a request; its blocks are released by the next proposal. Unknown ids are normal.
  void cancel(RequestId request);

  /// The next step, or nothing: while a proposal is outstanding, while two steps are in flight,
  /// when nobody can run, or when nothing has changed since the last grant gave nothing.
  [[nodiscard]] std::optional<StepProposal> propose(TimePoint now);

  /// Those turned away by the proposals since the last call; they are forgotten already.
  [[nodiscard]] std::vector<Rejection> take_rejections();

  /// Learns what memory allowed; applies the result of the same step if that came first. Another
  /// ring's grant is dropped.
  [[nodiscard]] StepOutcome acknowledge(const StepGranted& granted);

  /// Learns what the device computed. Held back until the grant of the same step has arrived.
  /// Another ring's result is dropped.
  [[nodiscard]] StepOutcome apply(const StepResult& result);

  [[nodiscard]] SchedulerStatistics statistics() const;

  /// Asked right after `propose`: why a request is not in the proposal. Costs O(waiting).
  [[nodiscard]] Whereabouts whereabouts(RequestId request) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe
