#include "engine/simulation/report.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

namespace troupe::simulation {

TEST_CASE("a table on a terminal has figures to the right and counts letters, not bytes") {
  const Table table{{"list", "gain"}, {{"Größe", "3.7"}, {"b", "11.78"}}};

  CHECK(to_text(table) ==
        "list    gain\n"
        "Größe    3.7\n"
        "b      11.78\n");
}

TEST_CASE("a row with other cells than the heading is a bug") {
  CHECK_THROWS_AS((void)to_text(Table{{"a"}, {{"1", "2"}}}), InvariantViolation);
}

TEST_CASE("a page stands alone: tables, text and charts in one file, escaped") {
  Page page;
  page.title = "a & b";
  page.sections.push_back({"s", "text <1>", {{"x"}, {{"<y>"}}}, {"<svg></svg>"}});
  const auto html = to_html(page);

  CHECK(html.find("<!doctype html>") == 0);
  CHECK(html.find("a &amp; b") != std::string::npos);
  CHECK(html.find("text &lt;1&gt;") != std::string::npos);
  CHECK(html.find("<td>&lt;y&gt;</td>") != std::string::npos);
  CHECK(html.find("<figure><svg></svg></figure>") != std::string::npos);
  CHECK(html.find("http") == std::string::npos);
}

TEST_CASE("a section without a table has none") {
  Page page;
  page.sections.push_back({"s", "", {}, {}});

  CHECK(to_html(page).find("<table>") == std::string::npos);
}

}  // namespace troupe::simulation
