// `troupe bench study`: what each way of sharing a device is worth, beside what none can beat.
#include "cli/bench_commands.h"
#include "cli/command_line.h"
#include "cli/model_directory.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/study_device.h"
#include "cli/study_json.h"
#include "cli/study_lists.h"
#include "cli/study_sim.h"
#include "engine/base/log.h"
#include "engine/simulation/calibration.h"
#include "engine/simulation/study_tables.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace troupe::cli {
namespace {

using simulation::Section;
using simulation::StudyPolicy;
using simulation::StudyRun;
using simulation::StudyTimes;
using simulation::Workload;

constexpr const char* kFooter = R"(
One list of requests under different policies. On the simulated device steps cost what a calibration
file says; scheduler and memory manager are the real ones. Other devices run whole engines.

  bound       static batching's steps over those of list scheduling: no engine gains more from
              requests of unlike length while every step costs the same
  of bound    the part of it that was reached

Lists: azure2023_conv, azure2023_code, mooncake_conversation_prefix, sharegpt_llama318b and
heavy_tail_256, read from --data DIR as NAME.csv (arrival_s,prompt_tokens,output_tokens and perhaps
prefix_hash_ids), or made up from quantiles of those traces; or any file of that shape by --list.)";

constexpr std::int32_t kMostTokensOnDevice = 384;

struct StudySettings {
  std::string device = "sim";
  std::string model = kDemoModel;
  std::int32_t threads = 0;
  StudyListOptions lists;
  std::vector<std::int32_t> batches;
  std::vector<std::string> policies;
  std::string calibration = kDefaultCalibration;
  double kv_memory_bytes = 0;  // 0: what the device leaves
  std::int32_t max_requests = 0;
  std::int32_t max_tokens = kMostTokensOnDevice;
  std::string json_file;
  std::string html_file;
  bool shows_fit = false;
};

std::string machine_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string name = "unknown processor";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) {
      name = line.substr(std::min(line.size(), line.find(':') + 2));
      break;
    }
  }
  return name + ", " + std::to_string(std::thread::hardware_concurrency()) + " threads";
}

Result<std::vector<const StudyPolicy*>> chosen_policies(const std::vector<std::string>& names) {
  std::vector<const StudyPolicy*> chosen;
  std::string all;
  for (const auto& policy : simulation::study_policies()) {
    all += (all.empty() ? "" : ", ") + std::string(policy.name);
    if (names.empty()) {
      chosen.push_back(&policy);
    }
  }
  for (const auto& name : names) {
    const auto* policy = simulation::find_study_policy(name);
    if (policy == nullptr) {
      return fail(ErrorCode::invalid_value, "there is no policy " + name + "; known are " + all);
    }
    chosen.push_back(policy);
  }
  return chosen;
}

void print_lists(const std::vector<Workload>& lists) {
  std::printf("lists:\n");
  for (const auto& list : lists) {
    const auto outputs = simulation::summarise(output_lengths(list));
    std::printf("  %-30s %s\n  %-30s outputs: mean %.0f, sigma %.0f, longest %d\n",
                list.name.c_str(), list.origin.c_str(), "", outputs.mean, outputs.sigma,
                outputs.longest);
  }
  std::printf("\n");
}

void print_sections(const std::vector<Section>& sections) {
  for (const auto& section : sections) {
    std::printf("%s\n%s\n\n%s\n", section.title.c_str(), section.text.c_str(),
                to_text(section.table).c_str());
  }
}

Section fit_section(const simulation::Calibration& calibration,
                    const simulation::FittedCost& cost) {
  Section section;
  section.title = "The fit: " + calibration.model + " on " + calibration.device;
  section.text = calibration.note;
  section.table.heading = {"phase",    "batch",  "context", "tokens",
                           "measured", "fitted", "off by",  "least"};
  double worst = 0;
  for (const auto& residual : residuals(calibration, cost)) {
    constexpr const char* kNames[] = {"decode", "prefill", "mixed"};
    const auto& row = residual.measured;
    char measured[32];
    char fitted[32];
    char off[32];
    char least[32];
    std::snprintf(measured, sizeof measured, "%.3f ms", row.seconds * 1e3);
    std::snprintf(fitted, sizeof fitted, "%.3f ms", residual.fitted_seconds * 1e3);
    std::snprintf(off, sizeof off, "%+.1f %%", residual.share() * 100);
    std::snprintf(least, sizeof least, "%.3f ms", least_seconds(calibration, shape_of(row)) * 1e3);
    worst = std::max(worst, std::abs(residual.share()));
    section.table.rows.push_back({kNames[static_cast<std::size_t>(row.regime)],
                                  std::to_string(row.batch), std::to_string(row.context),
                                  std::to_string(row.tokens), measured, fitted, off, least});
  }
  char text[96];
  std::snprintf(text, sizeof text, "The worst is off by %.1f %%; a mixed step costs %.2f ms more.",
                worst * 100, cost.mixed_seconds * 1e3);
  section.text += (section.text.empty() ? "" : " ") + std::string(text);
  return section;
}

/// What a study leaves behind for the tables.
struct Results {
  StudyHeader header;
  StudyTimes times = StudyTimes::modelled;
  std::vector<StudyRun> runs;
  std::vector<Section> extra;
};

ExitCode publish(const StudySettings& settings, const Results& results) {
  auto sections = sections_of(results.runs, results.times);
  sections.insert(sections.end(), results.extra.begin(), results.extra.end());
  print_sections(sections);
  auto written = write_figures(settings.json_file, to_json(results.header, results.runs));
  if (written) {
    const auto& header = results.header;
    const auto title = "Batching study: " + header.device;
    const auto text = "Run on " + header.machine + ", seed " + std::to_string(header.seed) + ".";
    written =
        write_figures(settings.html_file, simulation::to_html({title, text, std::move(sections)}));
  }
  return written ? ExitCode::success : report_bench_error(written.error());
}

Result<Results> study_on_model(const StudySettings& settings,
                               std::vector<Workload> lists,
                               const std::vector<const StudyPolicy*>& policies) {
  auto file = find_calibration(settings.calibration);
  if (!file) {
    return pass(std::move(file));
  }
  auto calibration = simulation::load_calibration(*file);
  if (!calibration) {
    return pass(std::move(calibration));
  }
  const auto cost = fit(*calibration);
  simulation::StudyDevice device;
  device.name = calibration->device + ", " + calibration->model + " (modelled)";
  device.cost = fitted_step_cost(cost);
  device.kv_bytes_per_token = calibration->kv_bytes_per_token;
  device.kv_memory_bytes =
      settings.kv_memory_bytes > 0 ? settings.kv_memory_bytes : kv_memory_bytes(*calibration);
  device.host_link_bytes_per_second = calibration->host_link_bytes_per_second;
  simulation::StudyOptions options;
  options.lists = std::move(lists);
  options.batches = settings.batches;
  if (options.batches.empty()) {
    options.batches = {8, 16, 32, 64, 128};
  }
  options.policies = policies;
  options.seed = settings.lists.seed;
  if (settings.max_requests > 0) {
    options.max_stream_requests = static_cast<std::size_t>(settings.max_requests);
    for (auto& list : options.lists) {
      list = first_of(std::move(list), options.max_stream_requests);
    }
  }
  Results results;
  results.header = {machine_name(), device.name, file->filename().string(), settings.lists.seed};
  results.runs = run_cases(plan_study(options, device), device);
  if (settings.shows_fit) {
    results.extra.push_back(fit_section(*calibration, cost));
  }
  return results;
}

std::vector<MeasuredCase> measured_cases(const StudySettings& settings,
                                         std::vector<Workload> lists,
                                         const std::vector<const StudyPolicy*>& policies) {
  constexpr std::size_t kDefaultRequests = 64;
  const auto max_requests = settings.max_requests > 0
                                ? static_cast<std::size_t>(settings.max_requests)
                                : kDefaultRequests;
  const auto batches =
      settings.batches.empty() ? std::vector<std::int32_t>{4, 8, 16} : settings.batches;
  std::vector<MeasuredCase> cases;
  for (auto& whole : lists) {
    const auto list = std::make_shared<const Workload>(
        shrink(std::move(whole), max_requests, settings.max_tokens));
    for (const auto batch : batches) {
      for (const auto* name : {"static", "static-bucketed", "continuous"}) {
        const auto* policy = simulation::find_study_policy(name);
        if (std::ranges::find(policies, policy) != policies.end() || policy->name == "static") {
          cases.push_back({list, policy, batch});
        }
      }
    }
  }
  return cases;
}

Result<Results> study_on_device(const StudySettings& settings,
                                std::vector<Workload> lists,
                                const std::vector<const StudyPolicy*>& policies) {
  ModelOptions model;
  model.model = settings.model;
  model.assembly.device = settings.device;
  model.assembly.threads = settings.threads;
  const auto assembly = resolve(model);
  if (!assembly) {
    return tl::unexpected<Error>(assembly.error());
  }
  const auto cases = measured_cases(settings, std::move(lists), policies);
  Results results;
  results.times = StudyTimes::measured;
  results.header = {machine_name(), settings.device + ", " + settings.model, "",
                    settings.lists.seed};
  ProgressBar bar;
  for (std::size_t index = 0; index < cases.size(); ++index) {
    const auto& one = cases[index];
    bar.show(static_cast<double>(index) / static_cast<double>(cases.size()),
             one.list->name + ", batch " + std::to_string(one.batch) + ", " +
                 std::string(one.policy->name));
    auto runs = measure_case(*assembly, one);
    if (!runs) {
      return pass(std::move(runs));
    }
    for (auto& run : *runs) {
      // Pictures of the first list at its widest batch are enough.
      const auto is_drawn = one.list == cases.front().list && one.batch == cases.back().batch;
      run.record = is_drawn ? run.record : nullptr;
      results.runs.push_back(std::move(run));
    }
  }
  return results;
}

ExitCode run_study(const StudySettings& settings) {
  log::set_level(log::Level::warning);
  const auto policies = chosen_policies(settings.policies);
  if (!policies) {
    return report_bench_error(policies.error());
  }
  auto lists = study_lists(settings.lists);
  if (!lists) {
    return report_bench_error(lists.error());
  }
  print_lists(*lists);
  const auto begin = std::chrono::steady_clock::now();
  const auto results = settings.device == "sim"
                           ? study_on_model(settings, std::move(*lists), *policies)
                           : study_on_device(settings, std::move(*lists), *policies);
  if (!results) {
    return report_bench_error(results.error());
  }
  const auto code = publish(settings, *results);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  std::printf("%zu runs on %s in %.1f s\n", results->runs.size(), results->header.device.c_str(),
              taken.count());
  return code;
}

void add_list_flags(CLI::App& flags, StudySettings& settings) {
  flags.add_option("--data", settings.lists.data_directory, "folder of recorded request lists")
      ->type_name("DIR");
  flags.add_option("--list", settings.lists.files, "a list: a CSV file, or a known one's name")
      ->delimiter(',')
      ->type_name("FILE,…");
  flags.add_option("--seed", settings.lists.seed, "of lists and arrivals that are made up")
      ->type_name("N")
      ->capture_default_str();
  add_number(flags, "--requests", settings.max_requests,
             "at most so many of each list; default: all, on a real device 64", {1, 10'000'000});
  add_number(flags, "--max-tokens", settings.max_tokens,
             "on a real device: prompt and output of the longest request, others in proportion",
             {8, INT32_MAX})
      ->capture_default_str();
}

void add_output_flags(CLI::App& flags, StudySettings& settings) {
  flags.add_option("--json", settings.json_file, "also write the figures to this file")
      ->type_name("FILE");
  flags.add_option("--html", settings.html_file, "also write tables and plots to this file")
      ->type_name("FILE");
}

}  // namespace

Command add_bench_study_command(CLI::App& bench) {
  auto settings = std::make_shared<StudySettings>();
  auto* flags = bench.add_subcommand("study", "policies side by side, with their bounds");
  flags->footer(kFooter);
  flags->add_option("--device", settings->device, "sim, cpu, cuda, reference")
      ->type_name("NAME")
      ->check(CLI::IsMember({"sim", "cpu", "cuda", "reference"}).description(""))
      ->capture_default_str();
  flags->add_option("--model", settings->model, "on a real device: which model runs")
      ->type_name("DIR")
      ->capture_default_str();
  add_number(*flags, "--threads", settings->threads, "of the CPU; 0: all cores", {0, 1024})
      ->capture_default_str();
  flags->add_option("--batch", settings->batches, "sequences of a step, each a row")
      ->delimiter(',')
      ->transform(whole_number({1, 4096}))
      ->type_name("N,N,…");
  flags->add_option("--policies", settings->policies, "only these, beside static")
      ->delimiter(',')
      ->type_name("NAME,…");
  auto* calibration = flags->add_option("--calibration", settings->calibration,
                                        "measured step times; shows how well they are met");
  calibration->type_name("FILE")->capture_default_str();
  flags
      ->add_option("--kv-cache-memory-bytes", settings->kv_memory_bytes,
                   "of the modelled device; default: 90 % of 141 GB, less the weights")
      ->type_name("N");
  add_list_flags(*flags, *settings);
  add_output_flags(*flags, *settings);
  return {flags, [settings, calibration] {
            settings->shows_fit = calibration->count() > 0;
            return run_study(*settings);
          }};
}

}  // namespace troupe::cli
