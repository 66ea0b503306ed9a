// The study: one list of requests through one real scheduler and memory manager under different
// policies, in virtual time, beside what no scheduler could beat. A plan of independent cases, so
// that whoever runs them may use several threads and show how far they are; then tables of them.
#pragma once

#include "engine/base/result.h"
#include "engine/simulation/run_figures.h"
#include "engine/simulation/run_record.h"
#include "engine/simulation/step_cost.h"
#include "engine/simulation/study_policy.h"
#include "engine/simulation/workload.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::simulation {

/// What the study knows of a device.
struct StudyDevice {
  std::string name;
  StepCost cost;
  double kv_bytes_per_token = 0;
  double kv_memory_bytes = 0;
  double host_link_bytes_per_second = 0;  // 0: unknown
};

/// A chapter of the study: what is asked, and so which lists, policies and costs it has.
enum class StudyPart : std::uint8_t {
  gain,      // continuous over static, every step at the same cost: what length variance gives
  modelled,  // the same lists and batches in modelled time
  spread,    // the gain over the spread of lengths
  arrivals,  // latencies as requests come: Poisson, bursts, a trace
  policies,  // every policy on one stream
  prefixes,  // the prefix cache on a list whose prompts begin alike
};

/// Whether every step costs the same in it.
[[nodiscard]] constexpr bool counts_steps(StudyPart part) {
  return part == StudyPart::gain || part == StudyPart::spread;
}

struct StudyCase {
  StudyPart part = StudyPart::gain;
  std::shared_ptr<const Workload> list;
  std::string arrivals;  // in words
  double rate = 0;       // arrivals a second on average; 0: all at once
  const StudyPolicy* policy = nullptr;
  std::int32_t batch = 1;
};

struct StudyOptions {
  std::vector<Workload> lists;
  std::vector<std::int32_t> batches;
  std::vector<const StudyPolicy*> policies;
  std::size_t max_modelled_requests = 3000;  // of each list, where time is modelled
  std::size_t max_stream_requests = 3000;    // of one list, where streams and policies are shown
  std::uint64_t seed = 0;
};

/// All cases, those that take longest first. A policy that was not asked for has none; static
/// batching, which the others are held against, always has.
[[nodiscard]] std::vector<StudyCase> plan_study(const StudyOptions& options,
                                                const StudyDevice& device);

/// About how long a case takes to run, in arbitrary units: for progress.
[[nodiscard]] double weight_of(const StudyCase& one);

/// What came out of a case.
struct StudyRun {
  StudyCase asked;
  RunFigures figures;
  double padding_bytes = 0;           // KV bytes that a padded engine holds more, mean over time
  double expected_padding_bytes = 0;  // of outputs alone: see `padding_bytes` in bound.h
  double urgent_first_token = 0;      // p99 in seconds of those with a priority; 0: there are none
  std::shared_ptr<const RunRecord> record;  // of a case that is drawn
};

/// A pure function of its arguments.
[[nodiscard]] StudyRun run_case(const StudyCase& one, const StudyDevice& device);

/// Bounds of a list on so many slots, in steps.
struct StudyBound {
  std::int64_t static_steps = 0;  // in the order of arrival
  std::int64_t list_steps = 0;    // list scheduling in the order of arrival
  std::int64_t least_steps = 0;   // of any order
  double idle_share = 0;          // of a static engine's slot steps

  /// No engine gains more by filling slots in the order of arrival …
  [[nodiscard]] double gain() const { return ratio(list_steps); }

  /// … nor in any order.
  [[nodiscard]] double gain_of_any_order() const { return ratio(least_steps); }

 private:
  [[nodiscard]] double ratio(std::int64_t steps) const {
    return steps > 0 ? static_cast<double>(static_steps) / static_cast<double>(steps) : 0;
  }
};

[[nodiscard]] StudyBound bound_of(const Workload& list, std::int32_t batch);

}  // namespace troupe::simulation
