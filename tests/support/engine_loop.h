// Scheduler, memory manager and a real device in one loop, step after step: what comes out of a
// whole engine, bit by bit, without actors and without anything in flight beside it.
#pragma once

#include "engine/api/attempt.h"
#include "engine/api/engine_config.h"
#include "engine/memory/memory_config.h"
#include "engine/step/backend.h"

#include <map>
#include <vector>

namespace troupe::test {

struct LoopOutcome {
  std::map<RequestId, std::vector<LogprobBits>> tokens;  // with their log-probabilities
  MemoryStatistics memory;
};

/// Runs all requests to their ends in a new ring of `backend`, from an empty cache. `config` gets
/// the backend's sizes.
[[nodiscard]] LoopOutcome run_loop(Backend& backend,
                                   EngineConfig config,
                                   const std::vector<EnqueuedRequest>& requests);

/// The requests one by one, each computed from its first token to its last without any help from a
/// cache.
[[nodiscard]] LoopOutcome run_undisturbed(Backend& backend,
                                          const EngineConfig& config,
                                          const std::vector<EnqueuedRequest>& requests);

/// More than the backend's memory holds at once: sequences that begin alike and go apart within a
/// block, at its end and behind it. `num_blocks`: of 16 tokens, 8 at least.
[[nodiscard]] std::vector<EnqueuedRequest> crowd(std::int32_t num_blocks, std::int32_t vocab_size);

}  // namespace troupe::test
