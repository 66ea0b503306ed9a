#include "engine/gateway/restart_budget.h"

namespace troupe {

bool RestartBudget::spend(TimePoint now) {
  while (!spent_.empty() && now - spent_.front() >= intensity_.window) {
    spent_.pop_front();
  }
  if (static_cast<std::int32_t>(spent_.size()) >= intensity_.max_restarts) {
    return false;
  }
  spent_.push_back(now);
  return true;
}

}  // namespace troupe
