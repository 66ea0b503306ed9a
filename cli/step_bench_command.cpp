// `troupe bench step` and the checkpoints that it is run on.
#include "cli/bench_commands.h"
#include "cli/command_line.h"
#include "cli/human_number.h"
#include "cli/model_directory.h"
#include "cli/model_options.h"
#include "cli/random_checkpoint.h"
#include "cli/step_bench.h"
#include "engine/base/log.h"
#include "transport/json_writer.h"

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::cli {
namespace {

constexpr const char* kStepFooter = R"(
Whole steps through the device's own port: no actors, no sockets. Each line is the median of the
rounds, with the lowest and the highest beside it.

  decode    one token for each sequence of the batch, behind so many tokens of context
  prefill   one prompt, until its first token is there)";

struct StepOptions {
  ModelOptions model;
  StepBenchPlan plan;
  std::string json_file;
};

void print_rows(const StepReport& report) {
  std::printf("%-8s %6s %8s %12s %27s %11s\n", "phase", "batch", "context", "tokens/s",
              "(lowest to highest)", "ms a step");
  for (const auto& row : report.rows) {
    std::printf("%-8s %6d %8d %12.1f %12.1f … %12.1f %11.3f\n",
                std::string(to_string(row.phase)).c_str(), row.batch, row.context,
                row.tokens_per_second(row.median_ms()), row.tokens_per_second(row.round_ms.back()),
                row.tokens_per_second(row.round_ms.front()), row.median_ms());
  }
  for (const auto num_tokens : report.too_long) {
    std::printf("prefill of %d tokens: left out, the model takes fewer\n", num_tokens);
  }
}

std::string to_json(const StepReport& report, const std::string& model) {
  std::string text;
  transport::JsonWriter json(text);
  json.begin_object().member("model", model).member("device", report.device);
  json.key("rows").begin_array();
  for (const auto& row : report.rows) {
    json.begin_object()
        .member("phase", std::string(to_string(row.phase)))
        .member("batch", row.batch)
        .member("context", row.context)
        .member("tokens_per_s", row.tokens_per_second(row.median_ms()))
        .member("tokens_per_s_lowest", row.tokens_per_second(row.round_ms.back()))
        .member("tokens_per_s_highest", row.tokens_per_second(row.round_ms.front()))
        .member("ms_per_step", row.median_ms())
        .member("rounds", static_cast<std::int64_t>(row.round_ms.size()))
        .end_object();
  }
  json.end_array().end_object();
  return text + "\n";
}

ExitCode run_steps(const StepOptions& options) {
  log::set_level(log::Level::warning);
  const auto assembly = resolve(options.model);
  if (!assembly) {
    return report_bench_error(assembly.error());
  }
  const auto report = measure_steps(*assembly, options.plan);
  if (!report) {
    return report_bench_error(report.error());
  }
  std::printf("%s on %s\n", options.model.model.c_str(), report->device.c_str());
  print_rows(*report);
  const auto written = write_figures(options.json_file, to_json(*report, options.model.model));
  return written ? ExitCode::success : report_bench_error(written.error());
}

CLI::Option* add_list(CLI::App& flags,
                      const std::string& name,
                      std::vector<std::int32_t>& numbers,
                      const std::string& description) {
  return flags.add_option(name, numbers, description)
      ->delimiter(',')
      ->transform(whole_number({1, 131'072}))
      ->type_name("N,N,…")
      ->capture_default_str();
}

struct CheckpointOptions {
  std::string shape;
  std::string directory;
};

ExitCode make_checkpoint(const CheckpointOptions& options) {
  const auto shape = find_checkpoint_shape(options.shape);
  if (!shape) {
    return report_bench_error(shape.error());
  }
  const auto demo = find_model(kDemoModel);
  if (!demo) {
    return report_bench_error(demo.error());
  }
  const auto bytes = write_random_checkpoint(*shape, options.directory, *demo);
  if (!bytes) {
    return report_bench_error(bytes.error());
  }
  std::printf("%s: %s of random weights; the tokenizer is the demo model's\n",
              options.directory.c_str(), human_bytes(*bytes).c_str());
  return ExitCode::success;
}

}  // namespace

Command add_bench_step_command(CLI::App& bench) {
  auto options = std::make_shared<StepOptions>();
  auto* flags = bench.add_subcommand("step", "whole steps of a device, decode and prefill");
  flags->footer(kStepFooter);
  auto& assembly = options->model.assembly;
  options->model.model = kDemoModel;
  flags->add_option("--model", options->model.model, "directory of the model, or a shipped one")
      ->type_name("DIR")
      ->capture_default_str();
  flags->add_option("--device", assembly.device, "auto, cuda, cpu, reference, sim")
      ->type_name("NAME")
      ->check(CLI::IsMember({"auto", "cuda", "cpu", "reference", "sim"}).description(""))
      ->capture_default_str();
  add_number(*flags, "--threads", assembly.threads, "of the CPU; 0: all cores", {0, 1024})
      ->capture_default_str();
  add_number(*flags, "--max-num-batched-tokens", assembly.max_num_batched_tokens,
             "prompt tokens in one step", {1, 131'072})
      ->capture_default_str();
  add_list(*flags, "--batch", options->plan.batches, "sequences of a decode step, each a row");
  add_number(*flags, "--context", options->plan.context, "tokens before the first decode step",
             {0, INT32_MAX})
      ->capture_default_str();
  add_list(*flags, "--prefill", options->plan.prefills, "tokens of a prompt, each a row");
  add_number(*flags, "--rounds", options->plan.num_rounds, "how often everything is measured",
             {1, 1000})
      ->capture_default_str();
  flags->add_option("--json", options->json_file, "also write the figures to this file")
      ->type_name("FILE");
  return {flags, [options] { return run_steps(*options); }};
}

Command add_make_checkpoint_command(CLI::App& bench) {
  auto options = std::make_shared<CheckpointOptions>();
  auto* flags =
      bench.add_subcommand("make-checkpoint", "write a model of random weights, to be measured");
  std::string names;
  for (const auto& name : checkpoint_shape_names()) {
    names += (names.empty() ? "" : ", ") + name;
  }
  flags->add_option("--shape", options->shape, names)->type_name("NAME")->required();
  flags->add_option("directory", options->directory, "where the model goes")
      ->type_name("DIR")
      ->required();
  return {flags, [options] { return make_checkpoint(*options); }};
}

}  // namespace troupe::cli
