// What one run of an engine was: each of its steps, and what became of each request. Filled by
// whoever drove the engine, in virtual time or real; read by figures and plots.
#pragma once

#include "engine/base/time.h"
#include "engine/simulation/latency_histogram.h"

#include <cstdint>
#include <vector>

namespace troupe::simulation {

/// All times count from the beginning of the run.
struct StepRecord {
  Duration begin{};  // on the device
  Duration end{};
  std::int32_t num_rows = 0;
  std::int32_t num_prefill_tokens = 0;
  std::int32_t num_decode_tokens = 0;
  std::int32_t num_waiting = 0;        // requests without a seat when it was planned
  std::int32_t num_running = 0;        // with one
  std::int32_t num_used_blocks = 0;    // KV blocks held by sequences once it was planned
  std::int64_t num_stored_tokens = 0;  // tokens of running sequences that those blocks hold
};

enum class Phase : std::uint8_t { queued, prefill, decode, preempted };

/// From `begin` until the next span, or the request's end.
struct PhaseSpan {
  Phase phase = Phase::queued;
  Duration begin{};
};

enum class Ending : std::uint8_t { none, finished, refused };

struct RequestRecord {
  Duration arrival{};
  Duration first_token{};
  Duration end{};
  Ending ending = Ending::none;
  std::int32_t num_prompt_tokens = 0;
  std::int32_t num_output_tokens = 0;  // that came
  std::int32_t num_cached_tokens = 0;  // found in the prefix cache at the first admission
  std::int32_t num_preemptions = 0;
  std::int32_t priority = 0;
  std::vector<PhaseSpan> phases;  // in order
};

struct RunRecord {
  std::vector<StepRecord> steps;        // in order
  std::vector<RequestRecord> requests;  // in the order of the list
  LatencyHistogram inter_token;         // gaps between two tokens of one request
  std::int64_t num_discarded_rows = 0;  // computed for sequences that had ended
  std::int64_t num_swapped_blocks = 0;  // out and in
  std::int32_t block_size = 16;         // tokens
  std::int32_t num_blocks = 0;          // of the device
  std::int64_t bytes_per_block = 0;     // 0: unknown
};

}  // namespace troupe::simulation
