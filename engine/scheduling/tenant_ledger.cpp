#include "engine/scheduling/tenant_ledger.h"

#include "engine/base/check.h"

#include <algorithm>

namespace troupe {

TenantIndex TenantLedger::enter(const std::string& tenant) {
  const auto index = open(tenant);
  auto& entering = account(index);
  if (entering.num_live++ > 0) {
    return index;
  }
  absent_.erase({entering.service, index});
  if (!present_.empty()) {
    entering.service = std::max(entering.service, present_.begin()->first);
  }
  present_.emplace(entering.service, index);
  return index;
}

TenantIndex TenantLedger::open(const std::string& name) {
  const auto found = index_of_.find(name);
  if (found != index_of_.end()) {
    return found->second;
  }
  if (unused_.empty()) {
    unused_.push_back(static_cast<TenantIndex>(accounts_.size()));
    accounts_.emplace_back();
  }
  const auto index = unused_.back();
  unused_.pop_back();
  account(index) = Account{name, 0, 0};
  index_of_.emplace(name, index);
  return index;
}

void TenantLedger::leave(TenantIndex tenant) {
  auto& leaving = account(tenant);
  TROUPE_CHECK(leaving.num_live > 0, "a tenant leaves who is not here");
  if (--leaving.num_live > 0) {
    return;
  }
  present_.erase({leaving.service, tenant});
  absent_.emplace(leaving.service, tenant);
  if (absent_.size() > kMaxAbsentTenants) {
    forget_the_least_served();
  }
}

// The account that matters least: whoever comes back is lifted to those who are here anyway.
void TenantLedger::forget_the_least_served() {
  const auto forgotten = absent_.begin()->second;
  absent_.erase(absent_.begin());
  index_of_.erase(account(forgotten).name);
  account(forgotten).name.clear();
  unused_.push_back(forgotten);
}

void TenantLedger::charge(TenantIndex tenant, std::int64_t service) {
  auto& charged = account(tenant);
  TROUPE_CHECK(charged.num_live > 0, "a tenant is charged who is not here");
  present_.erase({charged.service, tenant});
  charged.service += service;
  present_.emplace(charged.service, tenant);
}

}  // namespace troupe
