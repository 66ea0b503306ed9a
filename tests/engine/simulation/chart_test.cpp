#include "engine/simulation/chart.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>

namespace troupe::simulation {
namespace {

std::vector<std::string> labels(double low, double high) {
  std::vector<std::string> texts;
  for (const auto& [value, text] : round_ticks(low, high)) {
    texts.push_back(text);
  }
  return texts;
}

}  // namespace

TEST_CASE("ticks are round and within the axis") {
  CHECK(labels(0, 1) == std::vector<std::string>{"0", "0.2", "0.4", "0.6", "0.8", "1"});
  CHECK(labels(0, 128) == std::vector<std::string>{"0", "50", "100"});
  CHECK(labels(95, 101) == std::vector<std::string>{"95", "96", "97", "98", "99", "100", "101"});
  CHECK(round_ticks(1, 1).empty());
  CHECK(round_ticks(0, std::numeric_limits<double>::infinity()).empty());
}

TEST_CASE("what means something in XML is escaped") {
  CHECK(escape_xml("a<b & \"c\">") == "a&lt;b &amp; &quot;c&quot;&gt;");
  const auto svg = Chart("<title>", {"x & y"}, {"y"}).svg();
  CHECK(svg.find("&lt;title&gt;") != std::string::npos);
  CHECK(svg.find("x &amp; y") != std::string::npos);
}

TEST_CASE("points are drawn in the units of the data, and cut off at the axes") {
  const Axis x{"x", 0, 10};
  const Axis y{"y", 0, 1};
  const auto inside = Chart("t", x, y).line({{0, 0}, {10, 1}}, Ink::blue).svg();
  const auto outside = Chart("t", x, y).line({{-5, -9}, {99, 7}}, Ink::blue).svg();

  CHECK(inside.find("points=\"76.0,254.0 842.0,58.0 \"") != std::string::npos);
  CHECK(inside == outside);
}

TEST_CASE("an axis of no extent still gives a picture") {
  const auto svg = Chart("t", {"x", 3, 3}, {"y", 0, 0}).line({{3, 0}}, Ink::red).svg();

  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.find("inf") == std::string::npos);
}

TEST_CASE("the colours begin again, without the one for what is not there") {
  CHECK(ink(0) == ink(7));
  for (std::size_t number = 0; number < 20; ++number) {
    CHECK(ink(number) != Ink::grey);
  }
}

}  // namespace troupe::simulation
