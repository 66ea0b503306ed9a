// Who waits for a seat, in the order of the policy. New ones are bounded in number; those that were
// preempted come back to the place of their rank, and are not counted against the bound.
//
// Each tenant has a lane of its own, and the least served lane is next; a policy that does not tell
// tenants apart puts everybody into one.
#pragma once

#include "engine/scheduling/sequence.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {

/// Owned by the scheduler; not thread-safe; owns no sequence. Insertion and removal cost
/// O(log n), and a look at the first few does not depend on the length.
class WaitingQueue {
  using Members = std::set<Sequence*, ByRank>;
  using Place = std::pair<std::int64_t, TenantIndex>;  // service, then tenant

 public:
  /// `service`: what its tenant has been served. Its rank must not change while it waits.
  void insert(Sequence& sequence, std::int64_t service = 0);
  /// Checked: it waits here.
  void erase(Sequence& sequence);

  /// A tenant has been served: its lane moves, if it has one.
  void move_lane(TenantIndex tenant, std::int64_t service);

  [[nodiscard]] bool empty() const { return size_ == 0; }

  [[nodiscard]] std::int32_t size() const { return size_; }

  /// Those that were never preempted.
  [[nodiscard]] std::int32_t num_new() const { return num_new_; }

  /// The first of all, or null.
  [[nodiscard]] Sequence* first() const;
  /// The first of those on `level`, or null, where all are in one lane.
  [[nodiscard]] Sequence* first_on_level(std::int64_t level) const;

  /// Goes through those that wait in the order in which they deserve to run, each tenant being
  /// charged for those of his that were seen. Good until the queue changes.
  class Walk {
   public:
    explicit Walk(const WaitingQueue& queue);

    /// The next one, or null. Costs O(log lanes seen).
    [[nodiscard]] Sequence* next();

   private:
    struct Visited {
      Place place;
      Members::const_iterator next;
      Members::const_iterator end;

      friend bool operator<(const Visited& left, const Visited& right) {
        return left.place > right.place;  // the standard heap has its greatest on top
      }
    };

    [[nodiscard]] Visited take_first_lane();

    const WaitingQueue& queue_;
    std::set<Place>::const_iterator unvisited_;
    std::vector<Visited> visited_;  // a heap
  };

 private:
  struct Lane {
    std::int64_t service = 0;
    Members members;
  };

  std::unordered_map<TenantIndex, Lane> lanes_;  // those with members
  std::set<Place> order_;                        // of the lanes
  std::int32_t size_ = 0;
  std::int32_t num_new_ = 0;
};

}  // namespace troupe
