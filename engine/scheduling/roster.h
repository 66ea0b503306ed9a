// Every sequence of the ring and where it is: waiting, running on a seat, or departed or ended
// while a step still names it. The one owner of the sequences and of the seats.
#pragma once

#include "engine/base/ids.h"
#include "engine/scheduling/ranking.h"
#include "engine/scheduling/sequence.h"
#include "engine/scheduling/waiting_queue.h"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Owned by the scheduler; not thread-safe.
class Roster {
 public:
  /// `ranking` outlives the roster.
  Roster(std::int32_t num_seats, Ranking& ranking);

  /// Null when no such request is live.
  [[nodiscard]] Sequence* find(RequestId request) const;
  /// The running sequence admitted under `id`, or null. Costs O(running).
  [[nodiscard]] Sequence* find_running(SequenceId id) const;

  [[nodiscard]] const WaitingQueue& waiting() const { return waiting_; }

  /// In the order in which they deserved to run when `rank_running` was last called.
  [[nodiscard]] const std::vector<Sequence*>& running() const { return running_; }

  /// The policy looks at the running ones again. Costs O(running) where little has changed.
  void rank_running();

  /// Those that have waited so long that they go up a rung, go.
  void promote_waiting(TimePoint now);

  [[nodiscard]] std::int32_t num_departed() const { return num_departed_; }

  [[nodiscard]] std::int32_t num_free_seats() const {
    return static_cast<std::int32_t>(free_seats_.size());
  }

  /// A new sequence waits. Checked: its request is not live.
  Sequence& add(std::unique_ptr<Sequence> sequence);

  /// Lends a seat to a waiting sequence that is proposed for admission. Checked: one is free.
  void lend_seat(Sequence& sequence);
  /// The admission is to take the seat of a running sequence, if it is granted.
  static void promise_seat(Sequence& sequence, const Sequence& displaced);
  /// The admission was granted, and the displaced one has left: its seat is taken.
  void claim_seat(Sequence& sequence);
  /// It was not: the displaced one keeps the seat.
  static void forget_promise(Sequence& sequence);
  /// The admission was not granted, or of no use any more: the seat comes back.
  void return_seat(Sequence& sequence);

  /// From waiting to running, on the seat it was lent.
  void admit(Sequence& sequence, std::int32_t num_cached_tokens);
  /// From running to waiting, without its seat.
  void preempt(Sequence& sequence);
  /// From running to departed: its seat is free at once.
  void depart(Sequence& sequence);
  /// A step granted tokens to it.
  void serve(Sequence& sequence, Service service, TimePoint now);
  /// It is live no more; the seat of a running one is free at once. Destroyed unless pinned.
  void end(Sequence& sequence);

  static void pin(Sequence& sequence) { ++sequence.num_pins; }

  /// Destroys the sequence when it has ended and this was its last pin.
  void unpin(Sequence& sequence);

 private:
  void leave_stage(Sequence& sequence);

  Ranking& ranking_;
  std::unordered_map<RequestId, std::unique_ptr<Sequence>> live_;
  std::vector<std::unique_ptr<Sequence>> ended_;
  WaitingQueue waiting_;
  std::vector<Sequence*> running_;
  std::vector<std::int32_t> free_seats_;
  std::int32_t num_departed_ = 0;
};

}  // namespace troupe
