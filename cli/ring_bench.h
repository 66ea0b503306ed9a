// What one turn of the ring costs on the host: the real actors around a device that computes
// nothing and takes no time.
#pragma once

#include "cli/assembly.h"
#include "engine/base/result.h"

#include <cstdint>

namespace troupe::cli {

struct RingFigures {
  std::int32_t num_sequences = 0;   // decoding in every step that was counted
  std::int64_t num_iterations = 0;  // counted: those in which all sequences ran
  double mean_us = 0.0;             // host time between two plans
  double p50_us = 0.0;
  double p99_us = 0.0;
  double delivered_us = 0.0;  // mean time of an iteration until its tokens were with the clients
};

/// Decodes `num_sequences` requests of `num_tokens` tokens each, all at once, in this process.
/// Errors: those of `assemble` and `Troupe::start`; `internal` when a request failed.
[[nodiscard]] Result<RingFigures> measure_ring(AssemblyOptions options,
                                               std::int32_t num_sequences,
                                               std::int32_t num_tokens);

}  // namespace troupe::cli
