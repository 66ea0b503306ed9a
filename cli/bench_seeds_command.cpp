// `troupe bench seeds`: the real actors under a scheduler that a seed decides, thousands of times.
#include "cli/bench_commands.h"
#include "cli/command_line.h"
#include "engine/base/log.h"
#include "transport/json_writer.h"

#include "rehearsal/performance.h"
#include "rehearsal/season.h"
#include "rehearsal/vocabulary.h"
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace troupe::cli {
namespace {

using rehearsal::Season;

constexpr const char* kSeedsFooter = R"(
Each seed draws its own house: sizes, policy, clients, and what goes wrong. The actors are the real
ones; only threads, time and the device are not. After every message the promises are checked.

A seed that breaks one is played again alone with --seeds 1 --first-seed SEED; --trace shows every
message of it.)";

struct SeedsOptions {
  std::int64_t num_seeds = 10'000;
  std::uint64_t first_seed = 0;
  std::int32_t num_jobs =
      static_cast<std::int32_t>(std::max(std::thread::hardware_concurrency(), 1U));
  bool trace = false;
  std::string json_file;
};

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

void show_progress(std::int64_t done, std::int64_t all, double seconds) {
  std::fprintf(stderr, "\r%lld of %lld seeds, %.0f/s ", static_cast<long long>(done),
               static_cast<long long>(all), static_cast<double>(done) / std::max(seconds, 1e-9));
  std::fflush(stderr);
}

void print_coverage(const Season& season) {
  std::printf("%-36s %14s\n", "seen", "times");
  for (const auto& [sight, name] : rehearsal::sight_names()) {
    std::printf("%-36s %14lld\n", std::string(name).c_str(),
                static_cast<long long>(season.sightings.count(sight)));
  }
}

void print_failures(const Season& season) {
  for (const auto& failure : season.failures) {
    std::printf(
        "\nseed %llu broke a promise: %s\n  again: troupe bench seeds --seeds 1 --first-seed %llu "
        "--trace\n",
        static_cast<unsigned long long>(failure.seed), failure.broken.what.c_str(),
        static_cast<unsigned long long>(failure.seed));
  }
}

void print_verdict(const Season& season, double seconds) {
  std::printf("\n%lld seeds in %.1f s, %.0f a second: ", static_cast<long long>(season.num_seeds),
              seconds, static_cast<double>(season.num_seeds) / seconds);
  const auto unseen = season.never_seen();
  if (season.failures.empty() && unseen.empty()) {
    std::printf("every promise was kept.\n");
  } else if (season.failures.empty()) {
    std::printf("every promise was kept, but the run was blind:\n");
  } else {
    std::printf("%zu broke a promise.\n", season.failures.size());
  }
  for (const auto name : unseen) {
    std::printf("  never seen: %s\n", std::string(name).c_str());
  }
}

std::string to_json(const Season& season, double seconds) {
  std::string text;
  transport::JsonWriter json(text);
  json.begin_object()
      .member("seeds", season.num_seeds)
      .member("seconds", seconds)
      .member("seeds_per_s", static_cast<double>(season.num_seeds) / seconds);
  json.key("seen").begin_object();
  for (const auto& [sight, name] : rehearsal::sight_names()) {
    json.member(std::string(name), season.sightings.count(sight));
  }
  json.end_object().key("failures").begin_array();
  for (const auto& failure : season.failures) {
    json.begin_object()
        .member("seed", static_cast<std::int64_t>(failure.seed))
        .member("promise", failure.broken.promise)
        .member("what", failure.broken.what)
        .end_object();
  }
  json.end_array().end_object();
  return text + "\n";
}

ExitCode trace_one(std::uint64_t seed) {
  log::set_level(log::Level::warning);
  const auto outcome =
      rehearsal::perform(seed, rehearsal::rehearsal_tokenizer(),
                         [](const std::string& line) { std::printf("%s\n", line.c_str()); });
  if (outcome.broken) {
    std::printf("broken: %s\n", outcome.broken->what.c_str());
    return ExitCode::runtime_error;
  }
  std::printf("every promise was kept\n");
  return ExitCode::success;
}

ExitCode run_seeds(const SeedsOptions& options) {
  if (options.trace) {
    return trace_one(options.first_seed);
  }
  log::set_level(log::Level::off);  // actors die by the thousand here
  const Stopwatch stopwatch;
  rehearsal::SeasonOptions season_options{
      options.first_seed, options.num_seeds, options.num_jobs, {}};
  const auto is_terminal = isatty(STDERR_FILENO) == 1;
  if (is_terminal) {
    season_options.progress = [&](std::int64_t done) {
      show_progress(done, options.num_seeds, stopwatch.seconds());
    };
  }
  const auto season = rehearsal::play_season(season_options);
  const auto seconds = stopwatch.seconds();
  if (is_terminal) {
    std::fprintf(stderr, "\n");
  }
  print_coverage(season);
  print_failures(season);
  print_verdict(season, seconds);
  if (auto written = write_figures(options.json_file, to_json(season, seconds)); !written) {
    return report_bench_error(written.error());
  }
  return season.failures.empty() && season.never_seen().empty() ? ExitCode::success
                                                                : ExitCode::runtime_error;
}

}  // namespace

Command add_bench_seeds_command(CLI::App& bench) {
  auto options = std::make_shared<SeedsOptions>();
  auto* seeds = bench.add_subcommand(
      "seeds", "rehearse the house under many seeds and check its promises after every message");
  seeds->footer(kSeedsFooter);
  add_number(*seeds, "--seeds", options->num_seeds, "how many are played", {1, 1'000'000'000})
      ->capture_default_str();
  seeds->add_option("--first-seed", options->first_seed, "the first of them")
      ->type_name("N")
      ->capture_default_str();
  add_number(*seeds, "--jobs", options->num_jobs, "threads", {1, 1024})->capture_default_str();
  seeds->add_flag("--trace", options->trace, "play the first seed alone and print its messages");
  seeds->add_option("--json", options->json_file, "also write the figures to this file")
      ->type_name("FILE");
  return {seeds, [options] { return run_seeds(*options); }};
}

}  // namespace troupe::cli
