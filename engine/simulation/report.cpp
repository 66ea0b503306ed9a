#include "engine/simulation/report.h"

#include "engine/base/check.h"
#include "engine/simulation/chart.h"

#include <algorithm>
#include <cstddef>

namespace troupe::simulation {
namespace {

constexpr const char* kStyle =
    "body{font:15px/1.5 sans-serif;color:#222;max-width:1000px;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0;font-size:14px}"
    "th,td{padding:3px 10px;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}th{border-bottom:2px solid #888}"
    "figure{margin:1em 0;overflow-x:auto}.t{overflow-x:auto}";

std::string html_row(const std::vector<std::string>& cells, const std::string& tag) {
  std::string text = "<tr>";
  for (const auto& cell : cells) {
    text += "<" + tag + ">" + escape_xml(cell) + "</" + tag + ">";
  }
  return text + "</tr>\n";
}

std::string html_table(const Table& table) {
  if (table.heading.empty()) {
    return {};
  }
  std::string text = "<div class=\"t\"><table>\n" + html_row(table.heading, "th");
  for (const auto& row : table.rows) {
    text += html_row(row, "td");
  }
  return text + "</table></div>\n";
}

std::string paragraph(const std::string& text) {
  return text.empty() ? text : "<p>" + escape_xml(text) + "</p>\n";
}

/// Letters as a terminal counts them: continuation bytes of UTF-8 take no room.
std::size_t letters(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
}

std::vector<std::size_t> widths_of(const Table& table) {
  std::vector<std::size_t> widths(table.heading.size(), 0);
  const auto widen = [&](const std::vector<std::string>& cells) {
    TROUPE_CHECK(cells.size() == widths.size(),
                 "a row of a table has other cells than its heading");
    for (std::size_t column = 0; column < cells.size(); ++column) {
      widths[column] = std::max(widths[column], letters(cells[column]));
    }
  };
  widen(table.heading);
  std::ranges::for_each(table.rows, widen);
  return widths;
}

std::string text_row(const std::vector<std::string>& cells,
                     const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t column = 0; column < cells.size(); ++column) {
    const std::string gap(widths[column] - letters(cells[column]), ' ');
    line += column == 0 ? cells[column] + gap : "  " + gap + cells[column];
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::string to_html(const Page& page) {
  std::string text = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" +
                     escape_xml(page.title) + "</title><style>" + kStyle +
                     "</style></head><body>\n<h1>" + escape_xml(page.title) + "</h1>\n" +
                     paragraph(page.text);
  for (const auto& section : page.sections) {
    text += "<h2>" + escape_xml(section.title) + "</h2>\n" + paragraph(section.text) +
            html_table(section.table);
    for (const auto& chart : section.charts) {
      text += "<figure>" + chart + "</figure>\n";
    }
  }
  return text + "</body></html>\n";
}

std::string to_text(const Table& table) {
  const auto widths = widths_of(table);
  auto text = text_row(table.heading, widths);
  for (const auto& row : table.rows) {
    text += text_row(row, widths);
  }
  return text;
}

}  // namespace troupe::simulation
