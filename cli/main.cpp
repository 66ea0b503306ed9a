// The program `troupe`: finds the subcommand and runs it.
#include "cli/command_line.h"
#include "cli/commands.h"

#include <csignal>
#include <iostream>
#include <vector>

namespace troupe::cli {
namespace {

constexpr const char* kFooter = R"(
Start here:
  troupe serve                      the demo model on http://127.0.0.1:8000
  troupe chat                       talk to it, in a second terminal
  troupe complete "Once upon"       one answer, no server needed

Each flag can also be set by an environment variable: --max-num-seqs is TROUPE_MAX_NUM_SEQS.
Numbers may be written 8192, 8K (binary) or 32k (decimal).)";

ExitCode usage_error(const std::string& message) {
  std::cerr << "troupe: " << message << "\n";
  return ExitCode::usage_error;
}

ExitCode run(int argc, char** argv) {
  CLI::App program(
      "Troupe serves large language models: a company of actors, one model, many "
      "requests at once.",
      "troupe");
  program.footer(kFooter);
  // Leftovers are looked at below, where the flag that was meant can be named. Subcommands inherit.
  program.allow_extras();
  const std::vector<Command> commands = {
      add_serve_command(program),    add_chat_command(program),   add_complete_command(program),
      add_bench_command(program),    add_replay_command(program), add_explain_command(program),
      add_simulate_command(program), add_version_command(program)};
  program.set_version_flag("--version", std::string("troupe ") + TROUPE_VERSION);
  name_environment(program);
  set_help_format(program);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& request_for_help) {
    program.exit(request_for_help);
    return ExitCode::success;
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }
  if (auto nothing_left = check_leftovers(program); !nothing_left) {
    return usage_error(nothing_left.error().message);
  }
  for (const auto& command : commands) {
    if (command.flags->parsed()) {
      return command.run();
    }
  }
  std::cout << program.help();
  return ExitCode::usage_error;
}

}  // namespace
}  // namespace troupe::cli

int main(int argc, char** argv) {
  // A peer that hangs up is an error of one write, not the end of the program.
  std::signal(SIGPIPE, SIG_IGN);
  return static_cast<int>(troupe::cli::run(argc, argv));
}
