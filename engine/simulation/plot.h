// Runs as pictures: pure functions from records and figures to SVG text.
#pragma once

#include "engine/simulation/run_figures.h"
#include "engine/simulation/run_record.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace troupe::simulation {

/// A run under the name that the legend gives it. Borrows the record.
struct NamedRun {
  std::string name;
  const RunRecord* record = nullptr;
};

/// How many sequences had a row in the step at each moment, of `num_seats`.
[[nodiscard]] std::string plot_occupancy(const std::string& title,
                                         std::span<const NamedRun> runs,
                                         std::int32_t num_seats);

/// Each request as a bar from its arrival to its end: queued, prefill, decode, preempted. At most
/// `max_requests` of them, evenly chosen over the list.
[[nodiscard]] std::string plot_gantt(const std::string& title,
                                     const RunRecord& record,
                                     std::int32_t max_requests = 120);

/// KV memory reserved by blocks, and the part of it that holds tokens, over time.
[[nodiscard]] std::string plot_kv_use(const std::string& title, const RunRecord& record);

/// A group of bars of one colour.
struct NamedPercentiles {
  std::string name;
  Percentiles seconds;
};

/// p50, p90, p95, p99 side by side, on a logarithmic axis.
[[nodiscard]] std::string plot_percentiles(const std::string& title,
                                           const std::string& what,
                                           std::span<const NamedPercentiles> all);

/// One line of figures over batch sizes, and a dashed one of its bounds.
struct GainSeries {
  std::string name;
  std::vector<double> gains;
  std::vector<double> bounds;  // as many, or none
};

/// Batch sizes are given at equal distances: they are powers of two.
[[nodiscard]] std::string plot_gains(const std::string& title,
                                     std::span<const std::int32_t> batches,
                                     std::span<const GainSeries> all);

}  // namespace troupe::simulation
