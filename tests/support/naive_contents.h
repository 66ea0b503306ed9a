// A second, plain bookkeeping of what every block and host slot contains, made only from the plans
// that go by. It is the oracle of sharing, copying and swapping: no hashes and no names, just whose
// tokens were written last.
#pragma once

#include "engine/base/ids.h"
#include "engine/step/step.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::test {

/// The tokens of one seated sequence; those that are still being sampled are missing at the end.
struct NaiveLog {
  SequenceId sequence;
  std::string salt;
  std::vector<TokenId> tokens;
};

/// One row of a plan, with all that is known of who computes it.
struct NaiveRow {
  std::shared_ptr<const NaiveLog> log;
  std::vector<BlockId> blocks;
  std::int32_t begin = 0;
  std::int32_t end = 0;
};

/// Whatever breaks a promise throws `InvariantViolation`.
class NaiveContents {
 public:
  explicit NaiveContents(std::int32_t block_size) : block_size_(block_size) {}

  /// The moves of a plan, then its rows: all read before any writes.
  void play(const StepPlan& plan, const std::vector<NaiveRow>& rows);

 private:
  /// The tokens of `log` before `end`, those of the last block at least.
  struct Content {
    std::shared_ptr<const NaiveLog> log;
    std::int32_t end = 0;
  };

  void move(const StepPlan& plan);
  void read(const NaiveRow& row) const;
  void write(const NaiveRow& row);

  std::int32_t block_size_;
  std::map<BlockId, Content> blocks_;
  std::map<std::int32_t, Content> slots_;
};

}  // namespace troupe::test
