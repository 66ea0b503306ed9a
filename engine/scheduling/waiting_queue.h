// Who waits for a seat, first come, first served. New ones are bounded in number; those that were
// preempted come back to the place of their arrival, and are not counted against the bound.
#pragma once

#include "engine/scheduling/sequence.h"

#include <cstddef>
#include <cstdint>
#include <set>

namespace troupe {

/// Owned by the scheduler; not thread-safe; owns no sequence. Insertion and removal cost
/// O(log n), and a look at the first few does not depend on the length.
class WaitingQueue {
 public:
  using Order = std::set<Sequence*, ByArrival>;

  void insert(Sequence& sequence);
  /// Checked: it waits here.
  void erase(Sequence& sequence);

  [[nodiscard]] bool empty() const { return order_.empty(); }

  [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(order_.size()); }

  /// Those that were never preempted.
  [[nodiscard]] std::int32_t num_new() const { return num_new_; }

  [[nodiscard]] Order::const_iterator begin() const { return order_.begin(); }

  [[nodiscard]] Order::const_iterator end() const { return order_.end(); }

 private:
  Order order_;
  std::int32_t num_new_ = 0;
};

}  // namespace troupe
