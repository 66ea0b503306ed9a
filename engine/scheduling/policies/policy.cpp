#include "engine/scheduling/policies/policy.h"

#include "engine/base/check.h"
#include "engine/scheduling/policies/aging.h"
#include "engine/scheduling/policies/batch.h"
#include "engine/scheduling/policies/deadline.h"
#include "engine/scheduling/policies/fair.h"
#include "engine/scheduling/policies/first_come.h"
#include "engine/scheduling/policies/mlfq.h"
#include "engine/scheduling/policies/priority.h"

#include <algorithm>
#include <array>

namespace troupe {
namespace {

using namespace policies;

constexpr std::array<Policy, kPolicyNames.size()> kPolicies{{
    {SchedulingPolicy::fcfs, first_come_rank, never_displaces},
    {SchedulingPolicy::priority, priority_rank, displaces_by_level},
    {SchedulingPolicy::aging, aging_rank, aging_displaces},
    {SchedulingPolicy::mlfq, mlfq_rank, displaces_by_level},
    {SchedulingPolicy::fair, fair_rank, never_displaces},
    {SchedulingPolicy::deadline, deadline_rank, deadline_displaces},
    {SchedulingPolicy::static_batch, first_come_rank, never_displaces, Joining::new_batch},
    {SchedulingPolicy::static_bucketed, bucketed_rank, never_displaces, Joining::new_batch},
}};

}  // namespace

const Policy& policy_of(SchedulingPolicy name) {
  const auto found = std::ranges::find(kPolicies, name, &Policy::name);
  TROUPE_CHECK(found != kPolicies.end(), "there is no such policy");
  return *found;
}

}  // namespace troupe
