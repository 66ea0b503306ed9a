#include "tests/system/served_program.h"

#include <doctest/doctest.h>

namespace troupe::system_test {
namespace {

std::vector<std::string> arguments_with(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"serve",      demo_model(), "--port",      "0",
                                        "--tcp-port", "0",          "--log-level", "warning"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// The port of the address that a line of the summary holds.
std::uint16_t port_in(const std::string& line) {
  const auto address = line.find("127.0.0.1:");
  REQUIRE(address != std::string::npos);
  return static_cast<std::uint16_t>(std::stoul(line.substr(address + 10)));
}

}  // namespace

std::string demo_model() {
  return std::string(TROUPE_SOURCE_DIR) + "/models/demo";
}

ServedProgram::ServedProgram(const std::vector<std::string>& more_arguments)
    : process_(troupe_program(), arguments_with(more_arguments)) {
  const auto http = process_.read_until("  HTTP ");
  INFO("the server said: ", process_.output());
  REQUIRE_FALSE(http.empty());
  http_port_ = port_in(http);
  tcp_port_ = port_in(process_.read_until("  TCP "));
  REQUIRE_FALSE(process_.read_until("Ctrl-C").empty());
}

}  // namespace troupe::system_test
