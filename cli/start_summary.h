// What a server says once it is ready: the model, the memory with its arithmetic, the addresses,
// and what to type next.
#pragma once

#include "cli/assembly.h"

#include <cstdint>
#include <string>

namespace troupe::cli {

struct ListeningAt {
  std::string host;
  std::uint16_t http_port = 0;
  std::uint16_t tcp_port = 0;  // 0: not listening
  bool asks_for_key = false;
};

/// Several lines, each with its newline. `seconds` passed since the program started.
[[nodiscard]] std::string start_summary(const Assembly& assembly,
                                        const ListeningAt& listening,
                                        double seconds);

}  // namespace troupe::cli
