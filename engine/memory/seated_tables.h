// Who sits where: the block tables of all seats, by seat and by sequence.
#pragma once

#include "engine/base/ids.h"
#include "engine/memory/block_table.h"
#include "engine/step/sequence_start.h"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Owned by the memory manager; not thread-safe. There are as many seats as the greatest that was
/// ever taken. Every operation costs O(1). Tables stay where they are until `take`.
class SeatedTables {
 public:
  /// Null when the sequence has no seat.
  [[nodiscard]] BlockTable* find(SequenceId sequence);

  /// Checked: the sequence has a seat.
  [[nodiscard]] BlockTable& at(SequenceId sequence);

  /// Null when another sequence sits there, or nobody.
  [[nodiscard]] BlockTable* find(SequenceId sequence, std::int32_t seat);

  /// A sequence without blocks takes a seat. Checked: the seat is empty, the sequence has none.
  BlockTable& take(std::int32_t seat, std::shared_ptr<const SequenceStart> start);

  /// Empties a seat, whose blocks must have been released.
  void vacate(BlockTable& table);

  [[nodiscard]] std::int32_t num_seated() const {
    return static_cast<std::int32_t>(seat_of_.size());
  }

  /// All seats, the empty ones too.
  [[nodiscard]] const std::vector<BlockTable>& all() const { return tables_; }

 private:
  std::vector<BlockTable> tables_;  // by seat
  std::unordered_map<SequenceId, std::int32_t> seat_of_;
};

}  // namespace troupe
