// One ring of a journal, played again: a scheduler and a memory manager made anew, which are fed
// what was recorded. What they say must be what the recorded ones said.
#pragma once

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/journal/image.h"
#include "engine/journal/record.h"
#include "engine/memory/memory_manager.h"
#include "engine/scheduling/scheduler.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace troupe::journal {

/// What a record brought about in the stations that play again.
struct Turn {
  std::optional<StepProposal> proposal;
  std::optional<MemoryManager::Settled> settled;  // what became of it
  std::vector<Rejection> rejections;
  StepOutcome outcome;
};

/// The first thing that is not as it was recorded.
struct Difference {
  RingNumber ring;
  StepNumber step;          // whose it is, or the last that the replay had proposed
  std::string what;         // "the proposal", "the grant", "the plan", …
  std::string description;  // "rows[3].end: recorded 512, replayed 496"
};

/// What was held against the recording, and agreed.
struct Agreements {
  std::int64_t num_proposals = 0;
  std::int64_t num_grants = 0;
  std::int64_t num_plans = 0;
  std::int64_t num_refusals = 0;
};

/// Owned by a `Replay`; not thread-safe.
class RingReplay {
 public:
  RingReplay(const RingBegan& began, Agreements& agreements);

  /// Feeds a record of this ring. Does nothing once there is a difference.
  Turn take(const Record& record);

  [[nodiscard]] const std::optional<Difference>& difference() const { return difference_; }

  /// The check that a station failed, as it must have done in the recording, too; or empty.
  [[nodiscard]] const std::string& failed_check() const { return failed_check_; }

  [[nodiscard]] const Scheduler& scheduler() const { return scheduler_; }

  [[nodiscard]] const EngineConfig& config() const { return config_; }

  [[nodiscard]] StepNumber last_step() const { return last_step_; }

 private:
  struct Answer {
    StepNumber step;
    MemoryManager::Settled settled;
  };

  using Output = std::variant<StepProposal, Refused>;

  void play(const Enqueued& record, Turn& turn);
  void play(const Cancelled& record, Turn& turn);
  void play(const Asked& record, Turn& turn);
  void play(const GrantArrived& record, Turn& turn);
  void play(const ResultArrived& record, Turn& turn);
  void play(const Proposed& record, Turn& turn);
  void play(const Refused& record, Turn& turn);
  void play(const Settled& record, Turn& turn);

  // Not of a ring.
  void play(const RingBegan&, Turn&) {}

  void play(const Ended&, Turn&) {}

  [[nodiscard]] bool scheduler_plays();
  void settle(const StepProposal& proposal, Turn& turn);
  void compare(const Settled& recorded, const Answer& replayed);
  void compare_images(const Settled& recorded, const MemoryManager::Settled& replayed);
  void differ(std::string what, std::string description);
  void differ(std::string what, const Parting& parting);

  EngineConfig config_;
  RingNumber ring_;
  Agreements& agreements_;
  Scheduler scheduler_;
  MemoryManager memory_;
  StepNumber last_step_;
  std::deque<Output> outputs_;                // of the scheduler, not yet seen in the recording
  std::deque<Answer> answers_;                // of the memory manager, likewise
  std::deque<Settled> early_;                 // recorded answers to what was not yet proposed
  std::map<StepNumber, StepGranted> grants_;  // under way to the scheduler
  std::optional<Difference> difference_;
  std::string failed_check_;
  bool scheduler_failed_ = false;
  bool memory_failed_ = false;
};

}  // namespace troupe::journal
