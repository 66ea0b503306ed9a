// The subcommands of the program. Each adds its flags to the tree and hands back what to run when
// it was the one asked for.
#pragma once

#include "cli/exit_code.h"

#include <functional>

namespace CLI {
class App;
}  // namespace CLI

namespace troupe::cli {

struct Command {
  CLI::App* flags = nullptr;  // owned by the tree that it was added to
  std::function<ExitCode()> run;
};

[[nodiscard]] Command add_serve_command(CLI::App& program);
[[nodiscard]] Command add_chat_command(CLI::App& program);
[[nodiscard]] Command add_complete_command(CLI::App& program);
[[nodiscard]] Command add_bench_command(CLI::App& program);
[[nodiscard]] Command add_replay_command(CLI::App& program);
[[nodiscard]] Command add_explain_command(CLI::App& program);
[[nodiscard]] Command add_simulate_command(CLI::App& program);
[[nodiscard]] Command add_version_command(CLI::App& program);

}  // namespace troupe::cli
