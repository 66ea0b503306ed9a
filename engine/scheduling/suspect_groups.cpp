#include "engine/scheduling/suspect_groups.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace troupe {

SuspectGroups::SuspectGroups(std::vector<std::vector<RequestId>> groups)
    : groups_(std::move(groups)), num_here_(groups_.size(), 0) {
  std::int32_t group = 0;
  for (const auto& members : groups_) {
    for (const auto request : members) {
      suspects_.emplace(request, Suspect{group, Presence::awaited});
    }
    ++group;
  }
}

std::int32_t SuspectGroups::arrive(RequestId request) {
  const auto found = suspects_.find(request);
  if (found == suspects_.end()) {
    return kEverybody;
  }
  auto& suspect = found->second;
  if (suspect.presence == Presence::awaited) {
    suspect.presence = Presence::here;
    ++num_here_[static_cast<std::size_t>(suspect.group)];
  }
  return suspect.group;
}

bool SuspectGroups::clear(RequestId request) {
  const auto found = suspects_.find(request);
  if (found == suspects_.end()) {
    return false;
  }
  if (found->second.presence == Presence::here) {
    --num_here_[static_cast<std::size_t>(found->second.group)];
  }
  suspects_.erase(found);
  return true;
}

std::int32_t SuspectGroups::first() const {
  const auto found = std::ranges::find_if(num_here_, [](std::int32_t count) { return count > 0; });
  return found == num_here_.end() ? kEverybody
                                  : static_cast<std::int32_t>(found - num_here_.begin());
}

}  // namespace troupe
