#include "engine/memory/memory_config.h"

#include "engine/api/engine_config.h"
#include "engine/step/backend.h"

namespace troupe {

MemoryConfig memory_config(const BackendDescription& device, const EngineConfig& engine) {
  MemoryConfig config;
  config.num_blocks = device.num_blocks;
  config.block_size = device.block_size;
  config.enable_prefix_caching = engine.enable_prefix_caching;
  config.num_host_blocks = device.num_host_blocks;
  config.preemption = engine.scheduling.preemption;
  config.bytes_per_block = device.bytes_per_block;
  config.host_link_bytes_per_second = device.host_link_bytes_per_second;
  config.prefill_tokens_per_second = device.prefill_tokens_per_second;
  return config;
}

}  // namespace troupe
