#include "engine/scheduling/roster.h"

#include "engine/base/check.h"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe {
namespace {

constexpr std::int32_t kNoSeat = -1;

}  // namespace

Roster::Roster(std::int32_t num_seats) {
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
  waiting_.insert(*place->second);
  return *place->second;
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
  running_.insert(std::ranges::upper_bound(running_, &sequence, ByArrival{}), &sequence);
}

void Roster::preempt(Sequence& sequence) {
  leave_stage(sequence);
  sequence.preempt();
  waiting_.insert(sequence);
}

void Roster::end(Sequence& sequence) {
  if (sequence.state() == SequenceState::running) {
    leave_stage(sequence);
  } else {
    waiting_.erase(sequence);
  }
  sequence.end();
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
  const auto place = std::ranges::lower_bound(running_, &sequence, ByArrival{});
  TROUPE_CHECK(place != running_.end() && *place == &sequence, "a sequence runs out of order");
  running_.erase(place);
  return_seat(sequence);
}

}  // namespace troupe
