// The numbers that shape one engine.
#pragma once

#include "engine/api/scheduling_config.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"

#include <cstdint>
#include <vector>

namespace troupe {

struct EngineConfig {
  std::int32_t block_size = 16;                 // tokens a KV block holds
  std::int32_t num_blocks = 0;                  // KV blocks of the device
  std::int32_t max_model_len = 0;               // tokens of one sequence
  std::int32_t max_num_seqs = 128;              // sequences in one step
  std::int32_t max_num_batched_tokens = 2048;   // tokens in one step
  std::int32_t max_num_queued_requests = 1024;  // waiting ones; beyond it: `queue_full`
  bool enable_prefix_caching = true;
  SchedulingConfig scheduling;
  std::vector<TokenId> eos_tokens;  // any of them ends a sequence
};

/// When a supervisor stops to restart: more than `max_restarts` within `window` without a
/// completed step in between.
struct RestartIntensity {
  std::int32_t max_restarts = 3;
  Duration window = std::chrono::seconds(60);
};

}  // namespace troupe
