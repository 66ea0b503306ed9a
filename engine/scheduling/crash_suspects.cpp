#include "engine/scheduling/crash_suspects.h"

#include <algorithm>

namespace troupe {
namespace {

constexpr std::int32_t kMaxCrashesAlone = 2;

}  // namespace

std::vector<RequestId> CrashSuspects::crashed(const std::vector<RequestId>& requests) {
  std::vector<RequestId> suspects;
  for (const auto request : requests) {
    if (std::ranges::find(suspects, request) == suspects.end()) {
      suspects.push_back(request);
    }
  }
  leave_groups(suspects);
  if (suspects.size() == 1 && ++num_crashes_alone_[suspects.front()] >= kMaxCrashesAlone) {
    num_crashes_alone_.erase(suspects.front());
    return suspects;
  }
  const auto half = static_cast<std::ptrdiff_t>((suspects.size() + 1) / 2);
  const auto middle = suspects.begin() + half;
  if (middle != suspects.end()) {
    groups_.emplace(groups_.begin(), middle, suspects.end());
  }
  if (!suspects.empty()) {
    groups_.emplace(groups_.begin(), suspects.begin(), middle);
  }
  return {};
}

void CrashSuspects::clear(const std::vector<RequestId>& requests) {
  leave_groups(requests);
  for (const auto request : requests) {
    num_crashes_alone_.erase(request);
  }
}

void CrashSuspects::leave_groups(const std::vector<RequestId>& requests) {
  for (auto& group : groups_) {
    std::erase_if(group, [&](RequestId member) {
      return std::ranges::find(requests, member) != requests.end();
    });
  }
  std::erase_if(groups_, [](const auto& group) { return group.empty(); });
}

}  // namespace troupe
