// The life of `troupe serve`: listen, load, serve, drain.
#pragma once

#include "cli/exit_code.h"
#include "cli/model_options.h"
#include "engine/base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

enum class Talk : std::uint8_t { summary, quiet };

struct ServeOptions {
  ModelOptions model;
  std::string host = "127.0.0.1";
  std::uint16_t http_port = 8000;                // 0: any free one
  std::optional<std::uint16_t> tcp_port = 8001;  // 0 likewise; none: off
  std::vector<std::string> api_keys;             // each a tenant's; none: anyone may come
  bool strict_api = false;
  Duration drain_timeout = std::chrono::seconds(30);
  std::string ports_file;  // where the chosen ports are written once the server listens
  Talk talk = Talk::summary;
};

/// Serves until SIGINT or SIGTERM; then drains, and at a second signal ends what still runs.
/// Prints errors to stderr. `success` also when the drain ran out of time.
[[nodiscard]] ExitCode serve(const ServeOptions& options);

}  // namespace troupe::cli
