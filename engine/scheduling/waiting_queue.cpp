#include "engine/scheduling/waiting_queue.h"

#include "engine/base/check.h"
#include "engine/scheduling/policies/fair.h"

#include <algorithm>
#include <limits>

namespace troupe {

void WaitingQueue::insert(Sequence& sequence, std::int64_t service) {
  const auto [place, opened] = lanes_.try_emplace(sequence.tenant);
  auto& lane = place->second;
  if (opened) {
    lane.service = service;
    order_.emplace(service, sequence.tenant);
  }
  TROUPE_CHECK(lane.members.insert(&sequence).second, "a sequence waits twice");
  ++size_;
  num_new_ += sequence.num_preemptions() == 0 ? 1 : 0;
}

void WaitingQueue::erase(Sequence& sequence) {
  const auto place = lanes_.find(sequence.tenant);
  TROUPE_CHECK(place != lanes_.end() && place->second.members.erase(&sequence) == 1,
               "a sequence that does not wait was taken out");
  if (place->second.members.empty()) {
    order_.erase({place->second.service, sequence.tenant});
    lanes_.erase(place);
  }
  --size_;
  num_new_ -= sequence.num_preemptions() == 0 ? 1 : 0;
}

void WaitingQueue::move_lane(TenantIndex tenant, std::int64_t service) {
  const auto place = lanes_.find(tenant);
  if (place == lanes_.end() || place->second.service == service) {
    return;  // the policies that tell no tenants apart come here with every row of every step
  }
  order_.erase({place->second.service, tenant});
  place->second.service = service;
  order_.emplace(service, tenant);
}

Sequence* WaitingQueue::first() const {
  return empty() ? nullptr : *lanes_.at(order_.begin()->second).members.begin();
}

Sequence* WaitingQueue::first_on_level(std::int64_t level) const {
  if (empty()) {
    return nullptr;
  }
  TROUPE_CHECK(lanes_.size() == 1, "levels are looked for in several lanes");
  const auto& members = lanes_.begin()->second.members;
  const auto least = Rank{level, std::numeric_limits<std::int64_t>::min(), TimePoint::min(), {}};
  const auto found = members.lower_bound(least);
  return found != members.end() && (*found)->rank.level == level ? *found : nullptr;
}

WaitingQueue::Walk::Walk(const WaitingQueue& queue)
    : queue_(queue), unvisited_(queue.order_.begin()) {}

Sequence* WaitingQueue::Walk::next() {
  const auto none_left = unvisited_ == queue_.order_.end();
  if (visited_.empty() && none_left) {
    return nullptr;
  }
  Visited lane;
  if (visited_.empty() || (!none_left && *unvisited_ < visited_.front().place)) {
    lane = take_first_lane();
  } else {
    std::pop_heap(visited_.begin(), visited_.end());
    lane = visited_.back();
    visited_.pop_back();
  }
  auto* sequence = *lane.next++;
  if (lane.next != lane.end) {
    lane.place.first += policies::service_of(sequence->num_known(), 0);
    visited_.push_back(lane);
    std::push_heap(visited_.begin(), visited_.end());
  }
  return sequence;
}

WaitingQueue::Walk::Visited WaitingQueue::Walk::take_first_lane() {
  const auto& members = queue_.lanes_.at(unvisited_->second).members;
  return Visited{*unvisited_++, members.begin(), members.end()};
}

}  // namespace troupe
