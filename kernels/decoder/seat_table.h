// The worker's memory of its running sequences: who sits where, with which blocks and which tokens.
// Turns the deltas of a plan into the flat arrays of a packed batch.
#pragma once

#include "engine/step/backend.h"
#include "engine/step/step.h"
#include "kernels/decoder/packed_batch.h"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace troupe {

/// The tokens that a sequence has seen, in prompt or output: how often each is in the output.
using TokenCounts = std::unordered_map<TokenId, std::int32_t>;

/// What a seat holds. Free while `start` is null.
struct Seat {
  std::shared_ptr<const SequenceStart> start;
  std::vector<std::int32_t> blocks;  // block table
  std::vector<TokenId> sampled;      // since the start
  TokenCounts counts;                // kept only where a penalty needs them

  [[nodiscard]] std::int32_t num_tokens() const {
    return start->num_tokens() + static_cast<std::int32_t>(sampled.size());
  }

  /// Checked: `position` below `num_tokens()`.
  [[nodiscard]] TokenId token_at(std::int32_t position) const;
};

/// Owned by one backend; not thread-safe.
class SeatTable {
 public:
  explicit SeatTable(const BackendDescription& limits);

  /// Seats who arrives, grows the block tables, and packs the plan's rows. The batch is valid until
  /// the next call. Checked: seats, blocks, tokens and positions in range; a table covers its row;
  /// a row that samples ends where the known tokens end; the plan within the declared maximum.
  const PackedBatch& apply(const StepPlan& plan);

  /// Checked: somebody sits there.
  [[nodiscard]] const Seat& seat(std::int32_t index) const;

  /// The token that the seat's last row sampled: its sequence's next.
  void append(std::int32_t seat, TokenId token);

  /// Everybody leaves.
  void clear();

 private:
  Seat& taken(std::int32_t index);
  void take(const SeatTaken& arrival);
  void grow(const TableGrowth& growth);
  /// The blocks that the row's context takes, after all that must hold was checked.
  [[nodiscard]] std::int32_t checked_num_blocks(const PlanRow& row, const Seat& sequence) const;
  void pack(const PlanRow& row);

  std::int32_t num_blocks_;
  std::int32_t block_size_;
  std::int32_t max_tokens_;
  std::int32_t vocab_size_;
  std::vector<Seat> seats_;
  PackedBatch batch_;
};

}  // namespace troupe
