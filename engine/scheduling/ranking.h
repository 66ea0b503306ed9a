// Keeps what the policy is told of each sequence, and its answer. The one place that calls the
// functions of a policy.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/base/time.h"
#include "engine/scheduling/policies/policy.h"
#include "engine/scheduling/sequence.h"
#include "engine/scheduling/tenant_ledger.h"

#include <cstdint>

namespace troupe {

/// What a step granted to one sequence.
struct Service {
  std::int32_t num_prefill_tokens = 0;
  std::int32_t num_decode_tokens = 0;
};

/// Owned by the scheduler; not thread-safe. Ranks a sequence anew only while it stands in no order.
class Ranking {
 public:
  explicit Ranking(const SchedulingConfig& config)
      : config_(config), policy_(policy_of(config.policy)) {}

  [[nodiscard]] const Policy& policy() const { return policy_; }

  [[nodiscard]] const SchedulingConfig& config() const { return config_; }

  /// It becomes live, and is ranked among those that wait.
  void enter(Sequence& sequence);
  /// It is live no more.
  void leave(const Sequence& sequence);

  /// It was granted tokens.
  void serve(Sequence& sequence, Service service, TimePoint now);
  /// It has waited so long that it goes up.
  void promote(Sequence& sequence, TimePoint now) const;

  void rank_waiting(Sequence& sequence) const;
  void rank_running(Sequence& sequence) const;

  /// What its tenant has been served; 0 where the policy does not tell tenants apart.
  [[nodiscard]] std::int64_t service(const Sequence& sequence) const;

 private:
  [[nodiscard]] bool counts_service() const { return policy_.name == SchedulingPolicy::fair; }

  SchedulingConfig config_;
  const Policy& policy_;
  TenantLedger ledger_;
};

}  // namespace troupe
