#include "engine/memory/seated_tables.h"

#include "engine/base/check.h"

#include <string>
#include <utility>

namespace troupe {

BlockTable* SeatedTables::find(SequenceId sequence) {
  const auto seat = seat_of_.find(sequence);
  return seat != seat_of_.end() ? &tables_[static_cast<std::size_t>(seat->second)] : nullptr;
}

BlockTable& SeatedTables::at(SequenceId sequence) {
  auto* table = find(sequence);
  TROUPE_CHECK(table != nullptr, "sequence " + std::to_string(sequence.value) + " is not seated");
  return *table;
}

BlockTable* SeatedTables::find(SequenceId sequence, std::int32_t seat) {
  const auto index = static_cast<std::size_t>(seat);
  const auto sits = seat >= 0 && index < tables_.size() && tables_[index].seated() &&
                    tables_[index].sequence == sequence;
  return sits ? &tables_[index] : nullptr;
}

BlockTable& SeatedTables::take(std::int32_t seat, std::shared_ptr<const SequenceStart> start) {
  TROUPE_CHECK(seat >= 0, "there is no seat " + std::to_string(seat));
  const auto index = static_cast<std::size_t>(seat);
  if (index >= tables_.size()) {
    tables_.resize(index + 1);
  }
  auto& table = tables_[index];
  table.seat(std::move(start));
  const auto is_first = seat_of_.emplace(table.sequence, seat).second;
  TROUPE_CHECK(is_first, "sequence " + std::to_string(table.sequence.value) + " has two seats");
  return table;
}

void SeatedTables::vacate(BlockTable& table) {
  seat_of_.erase(table.sequence);
  table.vacate();
}

}  // namespace troupe
