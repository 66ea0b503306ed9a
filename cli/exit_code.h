// What the program tells the shell.
#pragma once

namespace troupe::cli {

enum class ExitCode : int {
  success = 0,
  runtime_error = 1,  // something failed that was neither the caller's command nor the model
  usage_error = 2,    // the command line cannot be carried out as it stands
  unusable_model = 3,
  interrupted = 130,  // Ctrl-C, the shell's own convention
};

}  // namespace troupe::cli
