// `troupe serve` as a child of a test, on free ports.
#pragma once

#include "tests/system/child_process.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::system_test {

/// The demo model, which every test of the whole program serves.
[[nodiscard]] std::string demo_model();

class ServedProgram {
 public:
  /// Starts the server and waits until it says that it is ready.
  explicit ServedProgram(const std::vector<std::string>& more_arguments = {});

  [[nodiscard]] std::uint16_t http_port() const { return http_port_; }

  [[nodiscard]] std::uint16_t tcp_port() const { return tcp_port_; }

  [[nodiscard]] ChildProcess& process() { return process_; }

 private:
  ChildProcess process_;
  std::uint16_t http_port_ = 0;
  std::uint16_t tcp_port_ = 0;
};

}  // namespace troupe::system_test
