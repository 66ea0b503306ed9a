// A chart as SVG text: two labelled axes, lines, areas and rectangles in the units of the data, and
// a legend. No style sheet, no script, no font of its own: the text stands alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::simulation {

/// Colours that people with any kind of colour vision can tell apart (Okabe and Ito, 2008).
enum class Ink : std::uint8_t { blue, orange, green, red, purple, sky, yellow, grey };

/// The n-th colour, again from the first behind the last but grey.
[[nodiscard]] Ink ink(std::size_t number);

struct Point {
  double x = 0;
  double y = 0;
};

struct Axis {
  std::string label;  // with the unit
  double low = 0;
  double high = 1;
  /// Empty: round numbers are chosen.
  std::vector<std::pair<double, std::string>> ticks{};
};

struct Box {
  double left = 0;
  double right = 0;
  double low = 0;
  double high = 0;
};

/// What lies outside the axes is cut off. A legend that needs more than one line makes it higher.
class Chart {
 public:
  /// Axes of no extent get one.
  Chart(std::string title, Axis x, Axis y, std::int32_t height = 300);

  Chart& line(const std::vector<Point>& points, Ink colour);
  Chart& dashed(const std::vector<Point>& points, Ink colour);
  /// From the line down to the axis.
  Chart& area(const std::vector<Point>& points, Ink colour);
  Chart& box(const Box& box, Ink colour);
  Chart& legend(std::string_view text, Ink colour);

  [[nodiscard]] std::string svg() const;

 private:
  [[nodiscard]] double across(double x) const;
  [[nodiscard]] double down(double y) const;
  Chart& polyline(const std::vector<Point>& points, Ink colour, std::string_view more);
  [[nodiscard]] std::string axes() const;
  [[nodiscard]] std::string legends() const;
  [[nodiscard]] double legend_room() const;

  std::string title_;
  Axis x_;
  Axis y_;
  std::int32_t height_;
  std::string body_;
  std::vector<std::pair<std::string, Ink>> legend_;
};

/// `text` with what means something in XML written so that it means itself.
[[nodiscard]] std::string escape_xml(std::string_view text);

/// At most a handful of round numbers within [low, high], with the text that is worth writing.
[[nodiscard]] std::vector<std::pair<double, std::string>> round_ticks(double low, double high);

}  // namespace troupe::simulation
