// The owner of the paged KV blocks: who holds which, what can be reused, who must give way.
// It walks the order it was given and has no policy of its own.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/base/ids.h"
#include "engine/step/step.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace troupe {

struct MemoryConfig {
  std::int32_t num_blocks = 0;
  std::int32_t block_size = 16;  // tokens
  bool enable_prefix_caching = true;
  std::int32_t num_host_blocks = 0;  // the host tier; 0: none
  PreemptionMode preemption = PreemptionMode::automatic;
  /// For the choice between moving a block and computing it anew; 0: unknown.
  std::int64_t bytes_per_block = 0;
  double host_link_bytes_per_second = 0;
  double prefill_tokens_per_second = 0;
};

/// Counters since the start of the ring.
struct MemoryStatistics {
  std::int64_t num_queried_tokens = 0;  // of admissions that looked into the prefix cache
  std::int64_t num_hit_tokens = 0;
  std::int64_t num_evicted_blocks = 0;
  std::int64_t num_preemptions = 0;
};

/// Owned by the memory manager actor; not thread-safe.
class MemoryManager {
 public:
  MemoryManager(const MemoryConfig& config, RingNumber ring);
  ~MemoryManager();
  MemoryManager(MemoryManager&&) noexcept;
  MemoryManager& operator=(MemoryManager&&) noexcept;

  struct Settled {
    StepGranted granted;
    std::shared_ptr<const StepPlan> plan;  // null when there is nothing to compute
  };

  /// Turns a proposal into a plan: releases first, then for each candidate in turn its cached
  /// prefix, the missing blocks and, when there are none, sacrifices in the given order. A
  /// candidate is granted whole or deferred whole. Checked: ring and order of steps, known
  /// sequences.
  [[nodiscard]] Settled settle(const StepProposal& proposal);

  [[nodiscard]] std::int32_t num_total_blocks() const;
  /// Held by no sequence, cached ones included.
  [[nodiscard]] std::int32_t num_free_blocks() const;
  /// Of the free ones: those whose content can be reused.
  [[nodiscard]] std::int32_t num_cached_blocks() const;
  [[nodiscard]] const MemoryStatistics& statistics() const;

  /// Recounts everything from scratch. Checked: each block is in exactly one place, and its
  /// references are those of the tables. Costs O(blocks); for tests and audits.
  void audit() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe
