#include "cli/address.h"

#include <doctest/doctest.h>

#include <string_view>

namespace troupe::cli {
namespace {

const Address kStandard{.host = "127.0.0.1", .port = 8001};

TEST_CASE("an address may leave out its host or its port") {
  const auto check = [](std::string_view text, std::string_view host, std::uint16_t port) {
    const auto address = parse_address(text, kStandard);
    INFO(std::string(text));
    REQUIRE(address);
    CHECK(address->host == host);
    CHECK(address->port == port);
  };

  check("example:9000", "example", 9000);
  check("example", "example", 8001);
  check(":9000", "127.0.0.1", 9000);
  check("[::1]:9000", "::1", 9000);
  check("[::1]", "::1", 8001);
}

TEST_CASE("what is no address is refused") {
  for (const auto* text : {"", "host:", "host:x", "host:70000", "[::1", "host:1:2", "host:-1"}) {
    INFO(text);
    CHECK_FALSE(parse_address(text, kStandard));
  }
}

}  // namespace
}  // namespace troupe::cli
