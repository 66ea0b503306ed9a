// Measurements of the house itself.
#include "cli/bench_commands.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/model_directory.h"
#include "cli/model_options.h"
#include "cli/ring_bench.h"
#include "engine/base/log.h"
#include "transport/json_writer.h"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::cli {
namespace {

constexpr const char* kRingFooter = R"(
All actors are the real ones: requests, router, scheduler, memory manager, worker. Only the device
is simulated, and takes no time, so what is left is the host's share of an iteration.

  plan to plan   time between two plans that hold every sequence
  delivered      the same, until the tokens' texts were with the clients)";

struct RingOptions {
  ModelOptions model;
  std::vector<std::int32_t> num_sequences = {1, 32, 128, 512};
  std::int32_t num_tokens = 400;
  std::string json_file;
};

void print_heading() {
  std::printf("%10s %11s %15s %9s %9s %14s\n", "sequences", "iterations", "plan to plan", "p50",
              "p99", "delivered");
  std::fflush(stdout);
}

void print_figures(const RingFigures& figures) {
  std::printf("%10d %11lld %12.1f us %6.1f us %6.1f us %11.1f us\n", figures.num_sequences,
              static_cast<long long>(figures.num_iterations), figures.mean_us, figures.p50_us,
              figures.p99_us, figures.delivered_us);
  std::fflush(stdout);
}

std::string to_json(const std::vector<RingFigures>& all) {
  std::string text;
  transport::JsonWriter json(text);
  json.begin_object().key("ring").begin_array();
  for (const auto& figures : all) {
    json.begin_object()
        .member("num_sequences", figures.num_sequences)
        .member("num_iterations", figures.num_iterations)
        .member("mean_us", figures.mean_us)
        .member("p50_us", figures.p50_us)
        .member("p99_us", figures.p99_us)
        .member("delivered_us", figures.delivered_us)
        .end_object();
  }
  json.end_array().end_object();
  return text + "\n";
}

ExitCode run_ring(const RingOptions& options) {
  log::set_level(log::Level::warning);
  const auto assembly = resolve(options.model);
  if (!assembly) {
    return report_bench_error(assembly.error());
  }
  print_heading();
  std::vector<RingFigures> all;
  for (const auto num_sequences : options.num_sequences) {
    const auto figures = measure_ring(*assembly, num_sequences, options.num_tokens);
    if (!figures) {
      return report_bench_error(figures.error());
    }
    print_figures(*figures);
    all.push_back(*figures);
  }
  const auto written = write_figures(options.json_file, to_json(all));
  return written ? ExitCode::success : report_bench_error(written.error());
}

Command add_ring_command(CLI::App& bench) {
  auto options = std::make_shared<RingOptions>();
  auto* ring = bench.add_subcommand("ring", "host time of one iteration, without a device");
  ring->footer(kRingFooter);
  ring->add_option("--num-seqs", options->num_sequences,
                   "how many requests run at once, each a row")
      ->delimiter(',')
      ->type_name("N,N,…")
      ->capture_default_str();
  add_number(*ring, "--num-tokens", options->num_tokens, "that each request generates",
             {2, 100'000})
      ->capture_default_str();
  ring->add_option("--json", options->json_file, "also write the figures to this file")
      ->type_name("FILE");
  options->model.model = kDemoModel;
  ring->add_option("--model", options->model.model, "whose tokenizer and sizes are used")
      ->type_name("DIR")
      ->capture_default_str();
  return {ring, [options] { return run_ring(*options); }};
}

}  // namespace

ExitCode report_bench_error(const Error& error) {
  std::cerr << "troupe bench: " << error.message << "\n";
  return exit_code_of(error);
}

Result<void> write_figures(const std::string& path, const std::string& text) {
  if (path.empty()) {
    return {};
  }
  std::ofstream file(path);
  file << text;
  if (!file.flush()) {
    return fail(ErrorCode::io, "cannot write " + path);
  }
  return {};
}

Command add_bench_command(CLI::App& program) {
  auto* flags = program.add_subcommand("bench", "measure Troupe itself");
  const std::vector<Command> commands = {
      add_ring_command(*flags),        add_bench_planner_command(*flags),
      add_bench_seeds_command(*flags), add_bench_step_command(*flags),
      add_bench_study_command(*flags), add_make_checkpoint_command(*flags)};
  return {flags, [flags, commands] {
            for (const auto& command : commands) {
              if (command.flags->parsed()) {
                return command.run();
              }
            }
            std::cout << flags->help();
            return ExitCode::usage_error;
          }};
}

}  // namespace troupe::cli
