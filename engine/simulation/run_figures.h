// The figures of a run: pure functions of its record.
#pragma once

#include "engine/simulation/latency_histogram.h"
#include "engine/simulation/run_record.h"

#include <cstdint>

namespace troupe::simulation {

/// In seconds.
struct Percentiles {
  double p50 = 0;
  double p90 = 0;
  double p95 = 0;
  double p99 = 0;
};

[[nodiscard]] Percentiles percentiles_of(const LatencyHistogram& histogram);

/// KV bytes, as means over the time in which anybody ran.
struct KvFigures {
  double used = 0;      // hold tokens of running sequences, shared ones once for each
  double reserved = 0;  // of the blocks that those have
  double peak = 0;      // the most that was reserved
  double wasted = 0;    // reserved and not used: half-empty blocks, blocks reserved ahead
};

struct RunFigures {
  std::int64_t num_finished = 0;
  std::int64_t num_refused = 0;
  std::int64_t num_output_tokens = 0;
  std::int64_t num_steps = 0;
  double seconds = 0;  // from the first arrival to the last token
  double requests_per_second = 0;
  double output_tokens_per_second = 0;
  Percentiles latency;      // from arrival to the last token
  Percentiles first_token;  // from arrival to the first token
  Percentiles inter_token;
  double mean_queueing = 0;   // seconds from arrival to the first admission
  double occupancy = 0;       // mean rows of a step over seats, weighted with time
  double full_occupancy = 0;  // the same while somebody waited
  double busy_share = 0;      // of the run's time in which the device had a step
  KvFigures kv;
  std::int64_t num_preemptions = 0;
  std::int64_t num_discarded_rows = 0;
  std::int64_t num_swapped_blocks = 0;
  double cached_share = 0;  // of all prompt tokens: found in the prefix cache
};

/// `num_seats`: the sequences that a step could have held. Checked: it is positive.
[[nodiscard]] RunFigures figures_of(const RunRecord& record, std::int32_t num_seats);

}  // namespace troupe::simulation
