// What `troupe bench` measures, each a command below it.
#pragma once

#include "cli/commands.h"
#include "engine/base/result.h"

#include <string>

namespace troupe::cli {

[[nodiscard]] Command add_bench_planner_command(CLI::App& bench);
[[nodiscard]] Command add_bench_seeds_command(CLI::App& bench);
[[nodiscard]] Command add_bench_step_command(CLI::App& bench);
[[nodiscard]] Command add_bench_study_command(CLI::App& bench);
[[nodiscard]] Command add_make_checkpoint_command(CLI::App& bench);

/// Says what went wrong, in the name of `troupe bench`.
[[nodiscard]] ExitCode report_bench_error(const Error& error);

/// Writes `text` to `path`, unless that is empty. Error `io`.
[[nodiscard]] Result<void> write_figures(const std::string& path, const std::string& text);

}  // namespace troupe::cli
