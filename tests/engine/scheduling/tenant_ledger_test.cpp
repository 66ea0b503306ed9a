#include "engine/scheduling/tenant_ledger.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <string>

namespace troupe {
namespace {

TEST_CASE("a tenant keeps its account while any of its requests is live") {
  TenantLedger ledger;
  const auto tenant = ledger.enter("one");
  CHECK(ledger.enter("one") == tenant);
  ledger.charge(tenant, 10);
  ledger.leave(tenant);

  CHECK(ledger.service(tenant) == 10);
  ledger.leave(tenant);
  CHECK_THROWS_AS(ledger.leave(tenant), InvariantViolation);
  CHECK_THROWS_AS(ledger.charge(tenant, 1), InvariantViolation);
}

TEST_CASE("whoever comes, or comes back, stands with the least served one who is here") {
  TenantLedger ledger;
  const auto busy = ledger.enter("busy");
  const auto calm = ledger.enter("calm");
  ledger.charge(busy, 100);
  ledger.charge(calm, 60);

  const auto late = ledger.enter("late");

  CHECK(ledger.service(late) == 60);
}

TEST_CASE("leaving wipes out no debt") {
  TenantLedger ledger;
  const auto debtor = ledger.enter("debtor");
  const auto other = ledger.enter("other");
  ledger.charge(debtor, 100);
  ledger.charge(other, 10);
  ledger.leave(debtor);

  CHECK(ledger.service(ledger.enter("debtor")) == 100);
}

TEST_CASE("accounts of those who are away are bounded, and the greatest debts are kept") {
  TenantLedger ledger;
  const auto here = ledger.enter("here");
  const auto debtor = ledger.enter("debtor");
  ledger.charge(debtor, 1'000'000);
  ledger.leave(debtor);
  TenantIndex greatest = 0;
  for (std::size_t number = 0; number < 2 * kMaxAbsentTenants; ++number) {
    const auto passing = ledger.enter("passing " + std::to_string(number));
    greatest = std::max(greatest, passing);
    ledger.charge(passing, 1);
    ledger.leave(passing);
  }

  CHECK(greatest <= static_cast<TenantIndex>(kMaxAbsentTenants) + 2);
  CHECK(ledger.service(ledger.enter("debtor")) == 1'000'000);
  CHECK(ledger.service(here) == 0);
}

}  // namespace
}  // namespace troupe
