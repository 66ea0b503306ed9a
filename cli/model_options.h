// The flags that say which model runs and how: shared by every command that has an engine of its
// own.
#pragma once

#include "cli/assembly.h"
#include "cli/exit_code.h"
#include "engine/base/result.h"

#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace troupe::cli {

/// `assembly.model_directory` is found from `model` after parsing, by `resolve`.
struct ModelOptions {
  std::string model;
  AssemblyOptions assembly;
};

/// Whether MODEL may be given without a flag.
enum class ModelArgument { positional, flag_only };

/// Adds the flags to `flags`, which must not outlive `options`.
void add_model_options(CLI::App& flags, ModelOptions& options, ModelArgument argument);

/// Finds the model's directory. Errors: those of `find_model`.
[[nodiscard]] Result<AssemblyOptions> resolve(const ModelOptions& options);

/// What the shell is told about an error of `resolve` or `assemble`.
[[nodiscard]] ExitCode exit_code_of(const Error& error);

}  // namespace troupe::cli
