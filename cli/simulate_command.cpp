// `troupe simulate`: a fleet of engines in virtual time.
#include "cli/bench_commands.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/human_number.h"
#include "cli/model_directory.h"
#include "cli/progress_bar.h"
#include "cli/scheduling_options.h"
#include "cli/study_lists.h"
#include "engine/simulation/calibration.h"
#include "engine/simulation/fleet.h"
#include "transport/json_writer.h"

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::cli {
namespace {

using namespace simulation;

constexpr const char* kFooter = R"(
Each node is a real scheduler and a real memory manager; the device is a calibration file's model of
one, with nine tenths of 141 GB for weights and KV cache. Requests are drawn from the list, and
arrive as a Poisson stream. The same flags give the same digest.

  troupe simulate --nodes 1000 --requests 1000000 --list azure2023_conv
  troupe simulate --nodes 16 --list mooncake_conversation_prefix --router prefix-affinity)";

constexpr std::int64_t kMostRequests = 100'000'000;

struct SimulateSettings {
  StudyListOptions lists;
  std::string calibration = kDefaultCalibration;
  FleetOptions fleet;
  double restart_seconds = 30;
  std::int32_t max_num_seqs = 128;
  std::int32_t max_num_batched_tokens = 2048;
  SchedulingConfig scheduling;
  std::string json_file;
};

std::int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

// The nodes' queues are as long as the stream makes them: what a fleet refuses is for its gateway
// to say, and would only hide an overload here.
VirtualEngineOptions node_options(const SimulateSettings& settings,
                                  const Calibration& calibration,
                                  const Workload& list) {
  VirtualEngineOptions node;
  auto& engine = node.engine;
  engine.scheduling = settings.scheduling;
  engine.max_num_seqs = settings.max_num_seqs;
  engine.max_num_batched_tokens = settings.max_num_batched_tokens;
  engine.max_num_queued_requests = INT32_MAX;
  engine.max_model_len = INT32_MAX / 2;
  engine.enable_prefix_caching = list.prefix_block_tokens > 0;
  const auto bytes_per_block = calibration.kv_bytes_per_token * engine.block_size;
  engine.num_blocks = static_cast<std::int32_t>(kv_memory_bytes(calibration) / bytes_per_block);
  auto& memory = node.memory;
  memory.num_blocks = engine.num_blocks;
  memory.block_size = engine.block_size;
  memory.enable_prefix_caching = engine.enable_prefix_caching;
  node.cost = fitted_step_cost(fit(calibration));
  return node;
}

void print_latency(const char* name, const LatencyHistogram& latencies) {
  std::printf("  %-20s mean %9.3f s   p50 %9.3f   p90 %9.3f   p99 %9.3f   longest %9.3f\n", name,
              in_seconds(latencies.mean()), in_seconds(latencies.percentile(0.5)),
              in_seconds(latencies.percentile(0.9)), in_seconds(latencies.percentile(0.99)),
              in_seconds(latencies.longest()));
}

struct Figures {
  double busy_share = 0;
  double rows_per_step = 0;
  double output_tokens_per_second = 0;
};

Figures figures_of(const FleetReport& report, std::int32_t num_nodes) {
  const auto end = in_seconds(report.end);
  return Figures{
      in_seconds(report.totals.busy) / (end * num_nodes),
      static_cast<double>(report.totals.num_rows) / static_cast<double>(report.totals.num_steps),
      static_cast<double>(report.num_output_tokens) / end};
}

void print_report(const SimulateSettings& settings,
                  const Workload& list,
                  const FleetReport& report,
                  double wall_seconds) {
  const auto& fleet = settings.fleet;
  const auto figures = figures_of(report, fleet.num_nodes);
  std::printf("\n%s nodes, %s requests of %s, load %.2f: %.1f requests/s\n",
              with_commas(fleet.num_nodes).c_str(), with_commas(fleet.num_requests).c_str(),
              list.name.c_str(), fleet.load, report.requests_per_second);
  std::printf("  %-20s %s finished, %s refused, %s resumed elsewhere after %d deaths\n", "requests",
              with_commas(report.num_finished).c_str(), with_commas(report.num_refused).c_str(),
              with_commas(report.num_resumed).c_str(), fleet.num_failures);
  std::printf("  %-20s %s prompt (%.1f %% found cached), %s output, %.0f output/s\n", "tokens",
              with_commas(report.num_prompt_tokens).c_str(),
              100.0 * static_cast<double>(report.totals.num_hit_tokens) /
                  static_cast<double>(report.num_prompt_tokens),
              with_commas(report.num_output_tokens).c_str(), figures.output_tokens_per_second);
  print_latency("first token", report.first_token);
  print_latency("between tokens", report.inter_token);
  print_latency("whole answer", report.whole);
  std::printf("  %-20s busy %.1f %%, %.1f sequences a step, %s steps, %s preemptions\n", "devices",
              100.0 * figures.busy_share, figures.rows_per_step,
              with_commas(report.totals.num_steps).c_str(),
              with_commas(report.totals.num_preemptions).c_str());
  std::printf("  %-20s %.1f s virtual in %.1f s, %s of memory at most\n", "simulation",
              in_seconds(report.end), wall_seconds, human_bytes(peak_memory_bytes()).c_str());
  std::printf("digest: %016llx\n", static_cast<unsigned long long>(report.digest));
}

void write_latency(transport::JsonWriter& json,
                   const char* name,
                   const LatencyHistogram& latencies) {
  json.key(name)
      .begin_object()
      .member("mean_s", in_seconds(latencies.mean()))
      .member("p50_s", in_seconds(latencies.percentile(0.5)))
      .member("p90_s", in_seconds(latencies.percentile(0.9)))
      .member("p99_s", in_seconds(latencies.percentile(0.99)))
      .member("max_s", in_seconds(latencies.longest()))
      .end_object();
}

std::string to_json(const SimulateSettings& settings,
                    const Workload& list,
                    const FleetReport& report,
                    double wall_seconds) {
  const auto figures = figures_of(report, settings.fleet.num_nodes);
  char digest[17];
  std::snprintf(digest, sizeof digest, "%016llx", static_cast<unsigned long long>(report.digest));
  std::string text;
  transport::JsonWriter json(text);
  json.begin_object()
      .member("list", list.name)
      .member("nodes", settings.fleet.num_nodes)
      .member("requests", settings.fleet.num_requests)
      .member("load", settings.fleet.load)
      .member("seed", static_cast<std::int64_t>(settings.fleet.seed))
      .member("finished", report.num_finished)
      .member("refused", report.num_refused)
      .member("resumed", report.num_resumed)
      .member("prompt_tokens", report.num_prompt_tokens)
      .member("cached_tokens", report.totals.num_hit_tokens)
      .member("output_tokens", report.num_output_tokens)
      .member("output_tokens_per_s", figures.output_tokens_per_second)
      .member("busy_share", figures.busy_share)
      .member("sequences_per_step", figures.rows_per_step)
      .member("preemptions", report.totals.num_preemptions)
      .member("virtual_s", in_seconds(report.end))
      .member("wall_s", wall_seconds)
      .member("peak_memory_bytes", peak_memory_bytes())
      .member("digest", std::string_view(digest));
  write_latency(json, "first_token", report.first_token);
  write_latency(json, "inter_token", report.inter_token);
  write_latency(json, "whole", report.whole);
  json.end_object();
  return text + "\n";
}

ExitCode run_simulate(SimulateSettings settings) {
  settings.lists.seed = settings.fleet.seed;
  const auto lists = study_lists(settings.lists);
  if (!lists) {
    return report_bench_error(lists.error());
  }
  const auto file = find_calibration(settings.calibration);
  if (!file) {
    return report_bench_error(file.error());
  }
  const auto calibration = load_calibration(*file);
  if (!calibration) {
    return report_bench_error(calibration.error());
  }
  const auto& list = lists->front();
  settings.fleet.engine = node_options(settings, *calibration, list);
  settings.fleet.restart_after =
      Duration(static_cast<std::int64_t>(settings.restart_seconds * 1e9));
  std::printf("%s on %s\n", calibration->model.c_str(), calibration->device.c_str());
  const auto begin = std::chrono::steady_clock::now();
  ProgressBar bar;
  const auto report = simulate_fleet(list, settings.fleet, [&](std::int64_t num_ended) {
    bar.show(static_cast<double>(num_ended) / static_cast<double>(settings.fleet.num_requests),
             with_commas(num_ended) + " requests");
  });
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  print_report(settings, list, report, taken.count());
  const auto written =
      write_figures(settings.json_file, to_json(settings, list, report, taken.count()));
  return written ? ExitCode::success : report_bench_error(written.error());
}

void add_fleet_flags(CLI::App& flags, SimulateSettings& settings) {
  auto& fleet = settings.fleet;
  fleet.num_nodes = 10;
  fleet.num_requests = 10'000;
  std::map<std::string, FleetRouting> routings;
  std::string names;
  for (const auto& [routing, name] : kRoutingNames) {
    routings.emplace(name, routing);
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  add_number(flags, "--nodes", fleet.num_nodes, "engines", {1, 100'000})->capture_default_str();
  add_number(flags, "--requests", fleet.num_requests, "in all", {1, kMostRequests})
      ->capture_default_str();
  flags.add_option("--load", fleet.load, "arrivals as a part of what the nodes could serve")
      ->check(CLI::Range(0.001, 100.0).description(""))
      ->type_name("PART")
      ->capture_default_str();
  flags.add_option("--router", fleet.routing, names + " [least-loaded]")
      ->transform(CLI::CheckedTransformer(routings).description(""))
      ->type_name("NAME");
  add_number(flags, "--failures", fleet.num_failures, "nodes that die under way", {0, 100'000})
      ->capture_default_str();
  flags.add_option("--restart-seconds", settings.restart_seconds, "until a dead node is back")
      ->check(CLI::Range(0.0, 86'400.0).description(""))
      ->type_name("SECONDS")
      ->capture_default_str();
  flags.add_option("--seed", fleet.seed, "of everything that is drawn")
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace

Command add_simulate_command(CLI::App& program) {
  auto settings = std::make_shared<SimulateSettings>();
  auto* flags = program.add_subcommand("simulate", "a fleet of engines in virtual time");
  flags->footer(kFooter);
  settings->lists.files = {"azure2023_conv"};
  add_fleet_flags(*flags, *settings);
  flags->add_option("--list", settings->lists.files, "what is asked: a CSV file, or a known name")
      ->expected(1)
      ->type_name("FILE")
      ->capture_default_str();
  flags->add_option("--data", settings->lists.data_directory, "folder of recorded request lists")
      ->type_name("DIR");
  flags->add_option("--calibration", settings->calibration, "step times: a file, or a known name")
      ->type_name("FILE")
      ->capture_default_str();
  add_number(*flags, "--max-num-seqs", settings->max_num_seqs, "sequences in one step of a node",
             {1, 4096})
      ->capture_default_str();
  add_number(*flags, "--max-num-batched-tokens", settings->max_num_batched_tokens,
             "tokens in one step of a node", {1, 131'072})
      ->capture_default_str();
  add_scheduling_options(*flags, settings->scheduling);
  flags->add_option("--json", settings->json_file, "also write the figures to this file")
      ->type_name("FILE");
  return {flags, [settings] { return run_simulate(*settings); }};
}

}  // namespace troupe::cli
