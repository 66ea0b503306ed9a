// What each tenant has been served, for the fair policy. See policies/fair.h for the rules.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {

/// Names a tenant while any of its requests is live. All requests are of tenant 0 where the policy
/// does not tell tenants apart.
using TenantIndex = std::int32_t;

/// Tenants who are away and whose account is kept, so that leaving does not wipe out a debt.
inline constexpr std::size_t kMaxAbsentTenants = 4096;

/// Owned by the scheduler; not thread-safe. Every operation costs O(log tenants).
class TenantLedger {
 public:
  /// A request of `tenant` becomes live. A tenant who was away is lifted to the level of the least
  /// served one who is here.
  [[nodiscard]] TenantIndex enter(const std::string& tenant);
  /// It is live no more. Checked: it was.
  void leave(TenantIndex tenant);

  /// Counts what a step granted to one of the tenant's requests.
  void charge(TenantIndex tenant, std::int64_t service);

  /// In weighted tokens.
  [[nodiscard]] std::int64_t service(TenantIndex tenant) const {
    return accounts_[static_cast<std::size_t>(tenant)].service;
  }

 private:
  struct Account {
    std::string name;
    std::int64_t service = 0;
    std::int32_t num_live = 0;
  };

  [[nodiscard]] Account& account(TenantIndex tenant) {
    return accounts_[static_cast<std::size_t>(tenant)];
  }

  [[nodiscard]] TenantIndex open(const std::string& name);
  void forget_the_least_served();

  std::vector<Account> accounts_;
  std::vector<TenantIndex> unused_;
  std::unordered_map<std::string, TenantIndex> index_of_;
  std::set<std::pair<std::int64_t, TenantIndex>> present_;  // by service
  std::set<std::pair<std::int64_t, TenantIndex>> absent_;   // by service
};

}  // namespace troupe
