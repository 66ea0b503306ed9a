// The flags of `troupe serve`.
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/server_process.h"
#include "engine/base/log.h"

#include <cmath>
#include <map>
#include <memory>
#include <string>

namespace troupe::cli {
namespace {

constexpr const char* kFooter = R"(
Examples:
  troupe serve                                   the demo model, on this machine only
  troupe serve ~/models/qwen3-0.6b --max-model-len 8K
  troupe serve --host 0.0.0.0 --api-key "$KEY"   for others too

Then: troupe chat, any client of the OpenAI API at http://127.0.0.1:8000/v1, or
  curl -N http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \
    -d '{"messages": [{"role": "user", "content": "Hello!"}], "stream": true}'

Each flag has an environment variable: --max-num-seqs is TROUPE_MAX_NUM_SEQS.
Exit codes: 0 stopped, 1 failed, 2 wrong command line, 3 unusable model.)";

constexpr const char* kServer = "Server";
constexpr std::int64_t kMaxPort = 65'535;
constexpr const char* kOff = "off";
constexpr double kMaxDrainSeconds = 86'400.0;
constexpr std::int64_t kMaxResultAgeSeconds = 86'400;

// What is typed, before it is what is meant.
struct ServeFlags {
  ServeOptions options;
  std::string tcp_port = "8001";
  double drain_seconds = 30.0;
  std::int64_t result_age_seconds = 300;
  log::Level level = log::Level::info;
  bool quiet = false;
};

std::string check_tcp_port(std::string& text) {
  return text == kOff ? std::string() : whole_number({0, kMaxPort})(text);
}

void add_server_flags(CLI::App& flags, ServeFlags& typed) {
  auto& options = typed.options;
  flags.add_option("--host", options.host, "address to listen on; 0.0.0.0: all")
      ->type_name("ADDRESS")
      ->capture_default_str()
      ->group(kServer);
  add_number(flags, "--port", options.http_port, "of the HTTP API; 0: any free one", {0, kMaxPort})
      ->capture_default_str()
      ->group(kServer);
  flags.add_option("--tcp-port", typed.tcp_port, "of the line protocol; 0: any free one; off")
      ->transform(CLI::Validator(check_tcp_port, ""))
      ->type_name("N")
      ->capture_default_str()
      ->group(kServer);
  flags
      .add_option("--ports-file", options.ports_file,
                  "write the ports there once listening, as `http N` and `tcp N`")
      ->type_name("FILE")
      ->group(kServer);
  flags
      .add_option("--api-key", options.api_keys,
                  "what clients must show; once for each tenant; better set in TROUPE_API_KEY,"
                  " with commas between")
      ->type_name("KEY")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(kServer);
  flags
      .add_option("--served-model-name", options.model.assembly.served_model_name,
                  "the model's name for clients; default: its directory's")
      ->type_name("NAME")
      ->group(kServer);
  flags.add_flag("--strict-api", options.strict_api, "refuse request fields that nobody knows")
      ->group(kServer);
}

void add_result_flags(CLI::App& flags, ServeFlags& typed) {
  add_number(flags, "--completed-max-age", typed.result_age_seconds,
             "seconds that results of ended requests can be fetched; 0: only those of requests "
             "that ask for it",
             {0, kMaxResultAgeSeconds})
      ->capture_default_str()
      ->group(kServer);
  add_number(flags, "--completed-max-bytes", typed.options.model.assembly.completed.max_bytes,
             "of memory for these results; 0: none are kept", {0, INT64_MAX})
      ->capture_default_str()
      ->group(kServer);
}

void add_process_flags(CLI::App& flags, ServeFlags& typed) {
  const std::map<std::string, log::Level> levels = {{"debug", log::Level::debug},
                                                    {"info", log::Level::info},
                                                    {"warning", log::Level::warning},
                                                    {"error", log::Level::error},
                                                    {"off", log::Level::off}};
  flags
      .add_option("--drain-timeout", typed.drain_seconds,
                  "seconds that running requests get after Ctrl-C or SIGTERM")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, kMaxDrainSeconds).description(""))
      ->capture_default_str()
      ->group(kServer);
  flags
      .add_option("--record", typed.options.model.assembly.record,
                  "write a journal for troupe replay and explain to this new file; it holds the "
                  "tokens of all requests")
      ->type_name("FILE")
      ->group(kServer);
  flags.add_option("--log-level", typed.level, "debug, info, warning, error, off [info]")
      ->transform(CLI::CheckedTransformer(levels, CLI::ignore_case).description(""))
      ->type_name("LEVEL")
      ->group(kServer);
  flags.add_flag("--quiet", typed.quiet, "no summary, warnings and errors only")->group(kServer);
}

ExitCode run_serve(const ServeFlags& typed) {
  auto options = typed.options;
  options.tcp_port = typed.tcp_port == kOff
                         ? std::nullopt
                         : std::optional(static_cast<std::uint16_t>(std::stoul(typed.tcp_port)));
  options.drain_timeout = std::chrono::milliseconds(
      static_cast<std::int64_t>(std::llround(typed.drain_seconds * 1000)));
  options.model.assembly.completed.max_age = std::chrono::seconds(typed.result_age_seconds);
  options.talk = typed.quiet ? Talk::quiet : Talk::summary;
  log::set_level(typed.quiet && typed.level == log::Level::info ? log::Level::warning
                                                                : typed.level);
  return serve(options);
}

}  // namespace

Command add_serve_command(CLI::App& program) {
  auto typed = std::make_shared<ServeFlags>();
  auto* flags = program.add_subcommand("serve", "start the server: OpenAI API and line protocol");
  flags->footer(kFooter);
  add_server_flags(*flags, *typed);
  add_process_flags(*flags, *typed);
  add_result_flags(*flags, *typed);
  add_model_options(*flags, typed->options.model, ModelArgument::positional);
  return {flags, [typed] { return run_serve(*typed); }};
}

}  // namespace troupe::cli
