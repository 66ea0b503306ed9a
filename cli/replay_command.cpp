// `troupe replay` and `troupe explain`: what a journal that `troupe serve --record` wrote tells.
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/journal_report.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace troupe::cli {
namespace {

constexpr const char* kReplayFooter = R"(
A journal is written by troupe serve --record FILE. Its inputs are fed to a new scheduler and a new
memory manager, and every proposal, grant and plan is compared byte for byte.

Exit codes: 0 identical, 1 different or damaged, 2 not a journal of this version.)";

constexpr const char* kExplainFooter = R"(
Examples:
  troupe explain engine.journal         the requests in it
  troupe explain engine.journal 17      the story of request 17, step by step
  troupe explain engine.journal 17 --json

Requests are named by the engine's own numbers; the ids that clients see do not enter an engine.

Exit codes: 0 told, 1 the replay broke off, 2 not a journal, or no such request.)";

struct JournalOptions {
  std::string path;
  std::optional<std::uint64_t> request;
  bool is_json = false;
};

ExitCode print_error(const char* command, const std::string& message, ExitCode code) {
  std::cerr << "troupe " << command << ": " << message << "\n";
  return code;
}

bool went_well(const journal::ReplayReport& report) {
  return !report.difference && !report.damage;
}

ExitCode exit_code_of(const journal::ReplayReport& report) {
  return went_well(report) ? ExitCode::success : ExitCode::runtime_error;
}

std::string cannot_open(const std::string& path) {
  return "cannot open " + path;
}

ExitCode run_replay(const JournalOptions& options) {
  std::ifstream file(options.path, std::ios::binary);
  if (!file) {
    return print_error("replay", cannot_open(options.path), ExitCode::usage_error);
  }
  const auto report = journal::replay(file);
  if (!report) {
    return print_error("replay", options.path + ": " + report.error().message,
                       ExitCode::usage_error);
  }
  std::cout << replay_summary(*report);
  return exit_code_of(*report);
}

ExitCode print_story(RequestId request,
                     const journal::Explanation& explanation,
                     const JournalOptions& options) {
  if (!explanation.requests.contains(request)) {
    return print_error("explain", unknown_request(request, explanation), ExitCode::usage_error);
  }
  std::cout << (options.is_json ? story_json(request, explanation) : story_text(explanation));
  return exit_code_of(explanation.replay);
}

ExitCode run_explain(const JournalOptions& options) {
  std::ifstream file(options.path, std::ios::binary);
  if (!file) {
    return print_error("explain", cannot_open(options.path), ExitCode::usage_error);
  }
  const auto request = options.request ? std::optional(RequestId{*options.request}) : std::nullopt;
  const auto explanation = journal::explain(file, request);
  if (!explanation) {
    return print_error("explain", options.path + ": " + explanation.error().message,
                       ExitCode::usage_error);
  }
  std::cerr << replay_problems(explanation->replay);
  if (request) {
    return print_story(*request, *explanation, options);
  }
  std::cout << request_table(*explanation);
  return exit_code_of(explanation->replay);
}

CLI::App* add_journal_command(CLI::App& program,
                              const std::string& name,
                              const std::string& purpose,
                              JournalOptions& options) {
  auto* flags = program.add_subcommand(name, purpose);
  flags->add_option("journal", options.path, "file that troupe serve --record wrote")
      ->type_name("LOG")
      ->required();
  return flags;
}

}  // namespace

Command add_replay_command(CLI::App& program) {
  auto options = std::make_shared<JournalOptions>();
  auto* flags = add_journal_command(program, "replay",
                                    "check that a recorded engine would do it all again", *options);
  flags->footer(kReplayFooter);
  return {flags, [options] { return run_replay(*options); }};
}

Command add_explain_command(CLI::App& program) {
  auto options = std::make_shared<JournalOptions>();
  auto* flags = add_journal_command(program, "explain",
                                    "why a recorded request waited, ran, was preempted", *options);
  flags->footer(kExplainFooter);
  flags->add_option("request", options->request, "its number; default: list them")
      ->type_name("REQUEST");
  flags->add_flag("--json", options->is_json, "for machines");
  return {flags, [options] { return run_explain(*options); }};
}

}  // namespace troupe::cli
