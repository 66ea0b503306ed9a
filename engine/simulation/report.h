// A page of tables and charts as one HTML file that stands alone.
#pragma once

#include <string>
#include <vector>

namespace troupe::simulation {

/// All rows have as many cells as the heading. The first column is text, the others are figures.
struct Table {
  std::vector<std::string> heading;
  std::vector<std::vector<std::string>> rows;
};

struct Section {
  std::string title;
  std::string text;                 // a paragraph; may be empty
  Table table;                      // may be empty
  std::vector<std::string> charts;  // SVG
};

struct Page {
  std::string title;
  std::string text;
  std::vector<Section> sections;
};

[[nodiscard]] std::string to_html(const Page& page);

/// For a terminal: columns as wide as they must be, figures to the right.
[[nodiscard]] std::string to_text(const Table& table);

}  // namespace troupe::simulation
