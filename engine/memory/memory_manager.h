// The owner of the paged KV blocks: who holds which, what can be reused, who must give way.
// It walks the order it was given and has no policy of its own.
#pragma once

#include "engine/base/ids.h"
#include "engine/memory/memory_config.h"
#include "engine/step/step.h"

#include <cstdint>
#include <memory>

namespace troupe {

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
  /// sequences, who sits where.
  ///
  /// An admission that displaces a running sequence may count on that one's blocks, and takes its
  /// seat when it is granted. One whose next blocks are promised by a row of this very plan waits
  /// instead (`StepGranted::awaiting`), if that saves an eighth of what it has left to compute: so
  /// nobody waits but for a sequence that gets on in this step, and each step of waiting leaves
  /// less to wait for. One that lacks nothing but the sources of this plan's copies waits too.
  [[nodiscard]] Settled settle(const StepProposal& proposal);

  [[nodiscard]] std::int32_t num_total_blocks() const;
  /// Held by no sequence, cached ones included.
  [[nodiscard]] std::int32_t num_free_blocks() const;
  /// Of the free ones: those whose content can be reused.
  [[nodiscard]] std::int32_t num_cached_blocks() const;
  [[nodiscard]] const MemoryStatistics& statistics() const;

  /// Recounts everything from scratch. Checked: each block is in exactly one place, and its
  /// references are those of the tables; each chain of prefixes can be found from its root; no
  /// content is kept for a plan that is made already. Costs O(blocks); for tests and audits.
  void audit() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe
