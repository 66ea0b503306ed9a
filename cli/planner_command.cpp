// `troupe bench planner`: what an iteration's planning costs, over the sizes that it must not
// depend on.
#include "cli/bench_commands.h"
#include "cli/command_line.h"
#include "cli/planner_bench.h"
#include "transport/json_writer.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {
namespace {

constexpr const char* kFooter = R"(
Scheduler and memory manager alone, called one after the other: every sequence decodes in each step.
Cost should grow with the sequences, and with neither the queue nor the cache. Once no block is
blank, each new one is evicted from the cache.)";

constexpr std::int32_t kSequences = 128;  // where another size is looked at

struct PlannerRow {
  PlannerLoad load;
  PlannerCost cost;
};

std::vector<PlannerLoad> axes(std::int32_t num_iterations) {
  std::vector<PlannerLoad> loads;
  for (const std::int32_t num_sequences : {1, 8, 32, 128, 512, 1024}) {
    loads.push_back({num_sequences, 0, 0, num_iterations, {}});
  }
  for (const std::int32_t num_queued : {10, 1000, 10'000, 100'000}) {
    loads.push_back({kSequences, num_queued, 0, num_iterations, {}});
  }
  for (const std::int32_t num_cached_blocks : {1000, 10'000, 100'000, 1'000'000}) {
    loads.push_back({kSequences, 0, num_cached_blocks, num_iterations, {}});
  }
  for (const auto& [policy, name] : kPolicyNames) {
    if (policy == SchedulingPolicy::fcfs) {
      continue;  // it is that of the rows above
    }
    for (const std::int32_t num_queued : {1000, 100'000}) {
      loads.push_back({kSequences, num_queued, 0, num_iterations, {}});
      loads.back().scheduling.policy = policy;
    }
  }
  return loads;
}

std::string_view policy_name(const PlannerLoad& load) {
  const auto* const found =
      std::ranges::find(kPolicyNames, load.scheduling.policy, &PolicyName::policy);
  return found->name;
}

std::string to_json(const std::vector<PlannerRow>& rows) {
  std::string text;
  transport::JsonWriter json(text);
  json.begin_object().key("rows").begin_array();
  for (const auto& [load, cost] : rows) {
    json.begin_object()
        .member("policy", policy_name(load))
        .member("num_sequences", load.num_sequences)
        .member("num_queued", load.num_queued)
        .member("num_cached_blocks", load.num_cached_blocks)
        .member("scheduler_us", cost.scheduler_us)
        .member("memory_us", cost.memory_us)
        .end_object();
  }
  json.end_array().end_object();
  return text + "\n";
}

struct PlannerSettings {
  std::int32_t num_iterations = 2000;
  std::string json_file;
};

ExitCode run_planner(const PlannerSettings& settings) {
  std::printf("%-16s %10s %10s %14s %14s %14s\n", "policy", "sequences", "queued", "cached blocks",
              "scheduler", "memory");
  std::vector<PlannerRow> rows;
  for (const auto& load : axes(settings.num_iterations)) {
    const auto cost = measure_planner(load);
    std::printf("%-16s %10d %10d %14d %11.2f us %11.2f us\n", policy_name(load).data(),
                load.num_sequences, load.num_queued, load.num_cached_blocks, cost.scheduler_us,
                cost.memory_us);
    std::fflush(stdout);
    rows.push_back({load, cost});
  }
  const auto written = write_figures(settings.json_file, to_json(rows));
  return written ? ExitCode::success : report_bench_error(written.error());
}

}  // namespace

Command add_bench_planner_command(CLI::App& bench) {
  auto settings = std::make_shared<PlannerSettings>();
  auto* flags = bench.add_subcommand("planner", "host time of planning one iteration");
  flags->footer(kFooter);
  add_number(*flags, "--iterations", settings->num_iterations, "of each row, after a warm-up",
             {16, 1'000'000})
      ->capture_default_str();
  flags->add_option("--json", settings->json_file, "also write the figures to this file")
      ->type_name("FILE");
  return {flags, [settings] { return run_planner(*settings); }};
}

}  // namespace troupe::cli
