// From a model's directory and a handful of options to the parts of a company: the one place that
// knows all rooms.
#pragma once

#include "actors/company.h"
#include "engine/api/scheduling_config.h"
#include "engine/base/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace troupe {

struct AssemblyOptions {
  std::filesystem::path model_directory;
  std::string served_model_name{};              // empty: the directory's name
  std::string device = "auto";                  // auto, cuda, cpu, reference, sim
  std::optional<std::int32_t> max_model_len{};  // tokens; none: the model's own
  std::int32_t max_num_seqs = 128;
  std::int32_t max_num_batched_tokens = 2048;
  std::int32_t max_num_queued_requests = 1024;
  std::int32_t block_size = 16;
  std::optional<std::int64_t> kv_cache_memory_bytes{};  // none: what suits the device
  std::optional<std::int32_t> num_blocks{};             // overrides the above
  std::optional<std::int64_t> swap_space_bytes{};       // host tier; none: what suits the device
  bool enable_prefix_caching = true;
  SchedulingConfig scheduling{};
  FinishedLimits completed{};
  std::int32_t threads = 0;  // of a CPU backend; 0: all cores
  std::uint64_t seed = 0;
  std::string record{};  // file of a journal; empty: nothing is recorded
};

/// What was assembled, and the figures a summary prints.
struct Assembly {
  CompanyParts parts;
  std::string architecture;
  std::int64_t num_parameters = 0;
  std::int64_t weight_bytes = 0;
  BackendDescription device;  // of the first backend made
};

/// Loads the model and prepares a backend factory that shares its weights. Errors: those of the
/// loaders, `invalid_value` for options that cannot work, with the option's name.
[[nodiscard]] Result<Assembly> assemble(const AssemblyOptions& options);

}  // namespace troupe
