// A second, plain bookkeeping of who holds which block, made only from what goes by on the ring. It
// is the oracle of the memory manager: no free list, no counters, no hashes, just tables.
#pragma once

#include "engine/base/ids.h"
#include "engine/step/step.h"

#include "tests/support/naive_contents.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace troupe::test {

class NaiveTables {
 public:
  NaiveTables(std::int32_t num_blocks, std::int32_t block_size);

  /// Follows one settling and throws `InvariantViolation` where it broke a promise. `plan` may be
  /// null.
  void follow(const StepProposal& proposal, const StepGranted& granted, const StepPlan* plan);

  /// Blocks in at least one table.
  [[nodiscard]] std::int32_t num_held() const;

  /// Who holds a table.
  [[nodiscard]] std::vector<SequenceId> holders() const;

 private:
  struct Table {
    std::int32_t seat = 0;
    std::shared_ptr<NaiveLog> log;
    std::vector<BlockId> blocks;
    std::int32_t computed = 0;
  };

  void check_sacrifices(const StepProposal& proposal, const StepGranted& granted) const;
  void check_answers(const StepProposal& proposal, const StepGranted& granted) const;
  void check_awaiting(const StepProposal& proposal,
                      const StepGranted& granted,
                      const StepPlan* plan) const;
  void play(const StepProposal& proposal, const StepGranted& granted, const StepPlan& plan);
  void seat(const StepPlan& plan);
  void play_row(const Candidate& candidate, const PlanRow& row, const StepPlan& plan);
  void check_sharing() const;
  [[nodiscard]] SequenceId holder_of(std::int32_t seat) const;

  std::int32_t num_blocks_;
  std::int32_t block_size_;
  std::map<SequenceId, Table> tables_;
  NaiveContents contents_;
};

}  // namespace troupe::test
