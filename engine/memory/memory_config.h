// The numbers that shape the memory of one ring, and what it counts.
#pragma once

#include "engine/api/scheduling_config.h"

#include <cstdint>

namespace troupe {

struct BackendDescription;
struct EngineConfig;

struct MemoryConfig {
  std::int32_t num_blocks = 0;
  std::int32_t block_size = 16;  // tokens
  bool enable_prefix_caching = true;
  std::int32_t num_host_blocks = 0;  // the host tier, which prefix caching makes use of; 0: none
  PreemptionMode preemption = PreemptionMode::automatic;
  /// For the choice between moving a block and computing it anew; 0: unknown.
  std::int64_t bytes_per_block = 0;
  double host_link_bytes_per_second = 0;
  double prefill_tokens_per_second = 0;
  /// With prefix caching: an admission waits for a prefix that another sequence is computing.
  bool await_shared_prefixes = true;
};

/// The memory of this device under an engine's rules.
[[nodiscard]] MemoryConfig memory_config(const BackendDescription& device,
                                         const EngineConfig& engine);

/// Counters since the start of the ring.
struct MemoryStatistics {
  std::int64_t num_queried_tokens = 0;   // of admissions that looked into the prefix cache
  std::int64_t num_hit_tokens = 0;       // … and need not compute them, for whatever reason below
  std::int64_t num_copied_tokens = 0;    // … since a block was copied on write
  std::int64_t num_restored_tokens = 0;  // … since their blocks came back from the host
  std::int64_t num_evicted_blocks = 0;
  std::int64_t num_swapped_out_blocks = 0;
  std::int64_t num_swapped_in_blocks = 0;
  std::int64_t num_preemptions = 0;
  std::int64_t num_awaited = 0;  // times that an admission was told to wait for a prefix
};

}  // namespace troupe
