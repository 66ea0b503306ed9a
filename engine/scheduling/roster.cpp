#include "engine/scheduling/roster.h"

#include "engine/base/check.h"
#include "engine/scheduling/policies/mlfq.h"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe {
namespace {

constexpr std::int32_t kNoSeat = -1;

}  // namespace

Roster::Roster(std::int32_t num_seats, Ranking& ranking) : ranking_(ranking) {
  for (auto seat = num_seats; seat-- > 0;) {
    free_seats_.push_back(seat);
  }
}

Sequence* Roster::find(RequestId request) const {
  const auto found = live_.find(request);
  return found == live_.end() ? nullptr : found->second.get();
}

Sequence* Roster::find_running(SequenceId id) const {
  const auto found =
      std::ranges::find_if(running_, [id](const Sequence* one) { return one->id() == id; });
  return found == running_.end() ? nullptr : *found;
}

Sequence& Roster::add(std::unique_ptr<Sequence> sequence) {
  const auto request = sequence->request();
  const auto [place, added] = live_.emplace(request, std::move(sequence));
  TROUPE_CHECK(added, "request " + std::to_string(request.value) + " is live already");
  auto& added_one = *place->second;
  ranking_.enter(added_one);
  waiting_.insert(added_one, ranking_.service(added_one));
  return added_one;
}

void Roster::rank_running() {
  for (auto* sequence : running_) {
    ranking_.rank_running(*sequence);
  }
  if (!std::ranges::is_sorted(running_, ByRank{})) {
    std::ranges::sort(running_, ByRank{});
  }
}

// On each rung the one that has waited longest stands first.
void Roster::promote_waiting(TimePoint now) {
  const auto& config = ranking_.config();
  for (std::int32_t rung = 1; rung < config.mlfq_num_rungs; ++rung) {
    auto* sequence = waiting_.first_on_level(rung);
    while (sequence != nullptr && policies::mlfq_is_due(sequence->standing, now, config)) {
      waiting_.erase(*sequence);
      ranking_.promote(*sequence, now);
      waiting_.insert(*sequence);
      sequence = waiting_.first_on_level(rung);
    }
  }
}

void Roster::serve(Sequence& sequence, Service service, TimePoint now) {
  ranking_.serve(sequence, service, now);
  waiting_.move_lane(sequence.tenant, ranking_.service(sequence));
}

void Roster::promise_seat(Sequence& sequence, const Sequence& displaced) {
  TROUPE_CHECK(sequence.seat == kNoSeat && displaced.seat != kNoSeat, "no seat to promise");
  sequence.seat = displaced.seat;
}

void Roster::claim_seat(Sequence& sequence) {
  const auto seat = std::ranges::find(free_seats_, sequence.seat);
  TROUPE_CHECK(seat != free_seats_.end(), "a promised seat is not free");
  free_seats_.erase(seat);
}

void Roster::forget_promise(Sequence& sequence) {
  sequence.seat = kNoSeat;
}

void Roster::lend_seat(Sequence& sequence) {
  TROUPE_CHECK(!free_seats_.empty() && sequence.seat == kNoSeat, "no seat to lend");
  sequence.seat = free_seats_.back();
  free_seats_.pop_back();
}

void Roster::return_seat(Sequence& sequence) {
  TROUPE_CHECK(sequence.seat != kNoSeat, "a seat comes back from one that has none");
  free_seats_.push_back(std::exchange(sequence.seat, kNoSeat));
}

void Roster::admit(Sequence& sequence, std::int32_t num_cached_tokens) {
  waiting_.erase(sequence);
  sequence.admit(num_cached_tokens);
  ranking_.rank_running(sequence);
  running_.insert(std::ranges::upper_bound(running_, &sequence, ByRank{}), &sequence);
}

void Roster::preempt(Sequence& sequence) {
  leave_stage(sequence);
  sequence.preempt();
  ranking_.rank_waiting(sequence);
  waiting_.insert(sequence, ranking_.service(sequence));
}

void Roster::depart(Sequence& sequence) {
  leave_stage(sequence);
  sequence.depart();
  ++num_departed_;
}

void Roster::end(Sequence& sequence) {
  if (sequence.state() == SequenceState::running) {
    leave_stage(sequence);
  } else if (sequence.state() == SequenceState::waiting) {
    waiting_.erase(sequence);
  } else {
    --num_departed_;
  }
  sequence.end();
  ranking_.leave(sequence);
  const auto found = live_.find(sequence.request());
  if (sequence.num_pins > 0) {
    ended_.push_back(std::move(found->second));
  }
  live_.erase(found);
}

void Roster::unpin(Sequence& sequence) {
  TROUPE_CHECK(sequence.num_pins > 0, "a sequence is unpinned too often");
  if (--sequence.num_pins > 0 || sequence.state() != SequenceState::ended) {
    return;
  }
  std::erase_if(ended_, [&](const auto& one) { return one.get() == &sequence; });
}

void Roster::leave_stage(Sequence& sequence) {
  const auto place = std::ranges::find(running_, &sequence);
  TROUPE_CHECK(place != running_.end(), "a sequence leaves that does not run");
  running_.erase(place);
  return_seat(sequence);
}

}  // namespace troupe
