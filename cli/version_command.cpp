#include "cli/command_line.h"
#include "cli/commands.h"

#include <iostream>

namespace troupe::cli {

Command add_version_command(CLI::App& program) {
  auto* flags = program.add_subcommand("version", "print the version");
  return {flags, [] {
            std::cout << "troupe " << TROUPE_VERSION << "\n";
            return ExitCode::success;
          }};
}

}  // namespace troupe::cli
