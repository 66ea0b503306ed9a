// What a server is started with.
#pragma once

#include "transport/limits.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::transport {

/// What becomes of request fields that nobody knows.
enum class UnknownFields : std::uint8_t { name_in_answer, refuse };

struct ServerOptions {
  std::string host = "127.0.0.1";                // an address, or a name that resolves to one
  std::uint16_t http_port = 8000;                // 0: any free one
  std::optional<std::uint16_t> tcp_port = 8001;  // of the line protocol; 0 likewise; none: off
  // Each a tenant's. None: anyone may come; else asked for by all but /live, /health, /ready.
  std::vector<std::string> api_keys;
  UnknownFields unknown_fields = UnknownFields::name_in_answer;
  std::string version = "0.1.0";
  std::string system_fingerprint = "troupe-0.1.0";  // repeated in every completion
  Limits limits;
};

}  // namespace troupe::transport
