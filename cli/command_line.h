// What all subcommands share of the command line: numbers with suffixes, environment variables, a
// help text worth reading, and an answer to a flag that does not exist.
#pragma once

#include "engine/base/result.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Option.hpp>

#include <cstdint>
#include <string>

namespace troupe::cli {

/// Both included.
struct Bounds {
  std::int64_t least = 0;
  std::int64_t most = INT32_MAX;
};

/// A check and a rewriting of an option's text: `32k` becomes `32000`; outside `bounds` it is
/// refused.
[[nodiscard]] CLI::Validator whole_number(Bounds bounds);

/// Adds an option for a number of tokens, bytes, sequences …; `Number` may be a `std::optional`.
template <class Number>
CLI::Option* add_number(CLI::App& flags,
                        const std::string& name,
                        Number& number,
                        const std::string& description,
                        Bounds bounds) {
  return flags.add_option(name, number, description)
      ->transform(whole_number(bounds))
      ->type_name("N");
}

/// Gives each flag of `flags` and of its subcommands the environment variable TROUPE_<FLAG>.
void name_environment(CLI::App& flags);

/// Help without clutter: `--flag TYPE   description [default]`, grouped.
void set_help_format(CLI::App& program);

/// Refuses what the parser could not place, and names the flag or command that was probably meant.
/// Errors: `invalid_value`.
[[nodiscard]] Result<void> check_leftovers(const CLI::App& program);

}  // namespace troupe::cli
