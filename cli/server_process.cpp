#include "cli/server_process.h"

#include "actors/troupe.h"
#include "cli/signal_descriptor.h"
#include "cli/start_summary.h"
#include "engine/base/log.h"
#include "transport/server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>
#include <thread>
#include <utility>

namespace troupe::cli {
namespace {

// How long a second signal may wait while the running requests are waited for.
constexpr Duration kDrainSlice = std::chrono::milliseconds(100);

/// A loaded model at work.
struct Company {
  Assembly assembly;  // its parts have gone into `troupe`, but for the model card
  std::shared_ptr<Troupe> troupe;
};

struct LoadFailure {
  Error error;
  ExitCode code;
};

using Loaded = tl::expected<Company, LoadFailure>;

Loaded load(const AssemblyOptions& options) {
  auto assembly = assemble(options);
  if (!assembly) {
    return tl::unexpected(LoadFailure{assembly.error(), exit_code_of(assembly.error())});
  }
  auto parts = assembly->parts;
  auto troupe = Troupe::start(std::move(parts));
  if (!troupe) {
    return tl::unexpected(LoadFailure{troupe.error(), ExitCode::runtime_error});
  }
  return Company{std::move(*assembly), std::move(*troupe)};
}

ExitCode print_error(const Error& error, ExitCode code) {
  std::cerr << "troupe serve: " << error.message << "\n";
  return code;
}

// Written whole or not at all: whoever waits for the file never reads half of it.
Result<void> write_ports(const std::string& path, const transport::Server& server) {
  const auto unfinished = path + ".part";
  std::ofstream file(unfinished);
  file << "http " << server.http_port() << "\n"
       << "tcp " << server.tcp_port().value_or(0) << "\n";
  file.close();
  std::error_code problem;
  std::filesystem::rename(unfinished, path, problem);
  if (!file || problem) {
    return fail(ErrorCode::io, "cannot write the ports to " + path);
  }
  return {};
}

transport::ServerOptions server_options(const ServeOptions& options) {
  transport::ServerOptions made;
  made.host = options.host;
  made.http_port = options.http_port;
  made.tcp_port = options.tcp_port;
  made.api_keys = options.api_keys;
  made.unknown_fields = options.strict_api ? transport::UnknownFields::refuse
                                           : transport::UnknownFields::name_in_answer;
  return made;
}

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "localhost" || host == "::1";
}

// Waits until the model is loaded. Nothing when a signal came first.
std::optional<Loaded> load_beside(const AssemblyOptions& options, const SignalDescriptor& signals) {
  auto outcome = std::make_shared<std::promise<Loaded>>();
  auto loaded = outcome->get_future();
  const int done = eventfd(0, EFD_CLOEXEC);
  std::thread loader([options, outcome, done] {
    outcome->set_value(load(options));
    eventfd_write(done, 1);
  });
  std::array<pollfd, 2> watched = {pollfd{done, POLLIN, 0},
                                   pollfd{signals.descriptor(), POLLIN, 0}};
  while (poll(watched.data(), watched.size(), -1) < 0) {
  }
  if (watched[0].revents == 0) {
    loader.detach();  // loading cannot be interrupted; the process ends under it
    return std::nullopt;
  }
  loader.join();
  close(done);
  return loaded.get();
}

void wait_for_signal(const SignalDescriptor& signals) {
  pollfd watched{signals.descriptor(), POLLIN, 0};
  while (signals.take() == 0) {
    poll(&watched, 1, -1);
  }
}

// Lets the running requests end and their answers leave, within the time given and until a second
// signal.
void drain(transport::Server& server, Duration patience, const SignalDescriptor& signals) {
  const auto begin = std::chrono::steady_clock::now();
  server.drain();
  log::info("draining");
  while (!server.wait_until_idle(kDrainSlice)) {
    if (signals.take() != 0 || std::chrono::steady_clock::now() - begin >= patience) {
      log::warning("drain_cut_short");
      return;
    }
  }
}

void print_summary(const ServeOptions& options,
                   const Assembly& assembly,
                   const transport::Server& server,
                   Duration since_start) {
  const ListeningAt listening{.host = options.host,
                              .http_port = server.http_port(),
                              .tcp_port = server.tcp_port().value_or(0),
                              .asks_for_key = !options.api_keys.empty()};
  std::cout << start_summary(assembly, listening,
                             std::chrono::duration<double>(since_start).count())
            << std::flush;
}

}  // namespace

ExitCode serve(const ServeOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const auto assembly_options = resolve(options.model);
  if (!assembly_options) {
    return print_error(assembly_options.error(), exit_code_of(assembly_options.error()));
  }
  const SignalDescriptor signals({SIGINT, SIGTERM});
  auto server = transport::Server::start(server_options(options));
  if (!server) {
    return print_error(server.error(), ExitCode::usage_error);
  }
  if (!is_loopback(options.host) && options.api_keys.empty()) {
    log::warning("open_to_the_network", {{"host", options.host}, {"remedy", "--api-key"}});
  }
  if (!options.ports_file.empty()) {
    if (auto written = write_ports(options.ports_file, **server); !written) {
      return print_error(written.error(), ExitCode::usage_error);
    }
  }
  auto loaded = load_beside(*assembly_options, signals);
  if (!loaded) {
    std::_Exit(static_cast<int>(ExitCode::success));
  }
  if (!*loaded) {
    return print_error(loaded->error().error, loaded->error().code);
  }
  auto company = std::move(**loaded);
  (*server)->attach(company.troupe);
  if (options.talk == Talk::summary) {
    print_summary(options, company.assembly, **server, std::chrono::steady_clock::now() - begin);
  }
  wait_for_signal(signals);
  drain(**server, options.drain_timeout, signals);
  (*server)->stop();
  return ExitCode::success;
}

}  // namespace troupe::cli
