#include "cli/human_number.h"

#include <doctest/doctest.h>

#include <string>

namespace troupe::cli {
namespace {

TEST_CASE("numbers are read as people write them") {
  const auto number = [](const char* text) { return parse_human_number(text).value(); };

  CHECK(number("0") == 0);
  CHECK(number("8192") == 8192);
  CHECK(number("8K") == 8192);
  CHECK(number("8KiB") == 8192);
  CHECK(number("32k") == 32'000);
  CHECK(number("25.6k") == 25'600);
  CHECK(number("1.5G") == 1'610'612'736);
  CHECK(number("2m") == 2'000'000);
  CHECK(number("9223372036854775807") == INT64_MAX);
}

TEST_CASE("what is no whole number is refused with the text in the message") {
  for (const auto* text : {"", "k", "-1", "1.5", "0.3K", "12x", "1kk", "8 K", "1e3", "8kiB", ".",
                           "9223372036854775808", "9000000000T"}) {
    INFO(text);
    const auto number = parse_human_number(text);
    REQUIRE_FALSE(number);
    CHECK(number.error().code == ErrorCode::invalid_value);
    CHECK(number.error().message.find(text) != std::string::npos);
  }
}

TEST_CASE("numbers are written so that they can be read") {
  CHECK(with_commas(0) == "0");
  CHECK(with_commas(999) == "999");
  CHECK(with_commas(1000) == "1,000");
  CHECK(with_commas(-1234567) == "-1,234,567");
  CHECK(human_bytes(12) == "12 bytes");
  CHECK(human_bytes(96 * 1024) == "96 KiB");
  CHECK(human_bytes(3'328'599'654) == "3.1 GiB");
  CHECK(human_count(812) == "812");
  CHECK(human_count(4'900'000) == "4.9 M");
}

}  // namespace
}  // namespace troupe::cli
