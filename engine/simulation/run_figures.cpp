#include "engine/simulation/run_figures.h"

#include "engine/base/check.h"

#include <algorithm>

namespace troupe::simulation {
namespace {

double ratio(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

Duration queueing_time(const RequestRecord& request) {
  for (const auto& span : request.phases) {
    if (span.phase != Phase::queued) {
      return span.begin - request.arrival;
    }
  }
  return request.end - request.arrival;
}

struct Times {
  Duration first_arrival = Duration::max();
  Duration last_end{};
};

Times add_requests(const RunRecord& record, RunFigures& figures) {
  Times times;
  LatencyHistogram latency;
  LatencyHistogram first_token;
  LatencyHistogram queueing;
  double prompt_tokens = 0;
  double cached_tokens = 0;
  for (const auto& request : record.requests) {
    times.first_arrival = std::min(times.first_arrival, request.arrival);
    figures.num_refused += request.ending == Ending::refused ? 1 : 0;
    if (request.ending != Ending::finished) {
      continue;
    }
    ++figures.num_finished;
    figures.num_output_tokens += request.num_output_tokens;
    figures.num_preemptions += request.num_preemptions;
    prompt_tokens += request.num_prompt_tokens;
    cached_tokens += request.num_cached_tokens;
    times.last_end = std::max(times.last_end, request.end);
    latency.add(request.end - request.arrival);
    first_token.add(request.first_token - request.arrival);
    queueing.add(queueing_time(request));
  }
  figures.latency = percentiles_of(latency);
  figures.first_token = percentiles_of(first_token);
  figures.mean_queueing = in_seconds(queueing.mean());
  figures.cached_share = ratio(cached_tokens, prompt_tokens);
  return times;
}

/// Sums over steps, weighted with their time.
struct StepSums {
  double busy = 0;
  double rows = 0;
  double busy_with_queue = 0;
  double rows_with_queue = 0;
  double blocks = 0;
  double tokens = 0;
  std::int32_t peak_blocks = 0;

  void add(const StepRecord& step) {
    const auto time = in_seconds(step.end - step.begin);
    busy += time;
    rows += time * step.num_rows;
    blocks += time * step.num_used_blocks;
    tokens += time * static_cast<double>(step.num_stored_tokens);
    peak_blocks = std::max(peak_blocks, step.num_used_blocks);
    if (step.num_waiting > 0) {
      busy_with_queue += time;
      rows_with_queue += time * step.num_rows;
    }
  }
};

}  // namespace

Percentiles percentiles_of(const LatencyHistogram& histogram) {
  const auto at = [&](double share) { return in_seconds(histogram.percentile(share)); };
  return {at(0.50), at(0.90), at(0.95), at(0.99)};
}

RunFigures figures_of(const RunRecord& record, std::int32_t num_seats) {
  TROUPE_CHECK(num_seats > 0, "a run on no seats");
  RunFigures figures;
  const auto times = add_requests(record, figures);
  StepSums sums;
  for (const auto& step : record.steps) {
    sums.add(step);
  }
  const auto begin = record.requests.empty() ? Duration::zero() : times.first_arrival;
  figures.seconds = in_seconds(std::max(times.last_end - begin, Duration::zero()));
  figures.num_steps = std::ssize(record.steps);
  figures.requests_per_second = ratio(static_cast<double>(figures.num_finished), figures.seconds);
  figures.output_tokens_per_second =
      ratio(static_cast<double>(figures.num_output_tokens), figures.seconds);
  figures.inter_token = percentiles_of(record.inter_token);
  figures.occupancy = ratio(sums.rows, sums.busy * num_seats);
  figures.full_occupancy = ratio(sums.rows_with_queue, sums.busy_with_queue * num_seats);
  figures.busy_share = ratio(sums.busy, figures.seconds);
  const auto block_bytes = static_cast<double>(record.bytes_per_block);
  const auto token_bytes = block_bytes / record.block_size;
  figures.kv.used = ratio(sums.tokens, sums.busy) * token_bytes;
  figures.kv.reserved = ratio(sums.blocks, sums.busy) * block_bytes;
  figures.kv.peak = sums.peak_blocks * block_bytes;
  figures.kv.wasted = std::max(0.0, figures.kv.reserved - figures.kv.used);
  figures.num_discarded_rows = record.num_discarded_rows;
  figures.num_swapped_blocks = record.num_swapped_blocks;
  return figures;
}

}  // namespace troupe::simulation
