#include "engine/simulation/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace troupe::simulation {
namespace {

// Pixels.
constexpr double kWidth = 860;
constexpr double kLeft = 76;
constexpr double kRight = 18;
constexpr double kTop = 58;
constexpr double kBottom = 46;
constexpr double kLetter = 7.0;  // of the legend, on average
constexpr double kLegendLine = 18;

double entry_width(std::string_view text) {
  return 19 + kLetter * static_cast<double>(text.size()) + 18;
}

struct InkText {
  Ink colour;
  const char* text;
};

constexpr std::array<InkText, 8> kInks = {{{Ink::blue, "#0072b2"},
                                           {Ink::orange, "#e69f00"},
                                           {Ink::green, "#009e73"},
                                           {Ink::red, "#d55e00"},
                                           {Ink::purple, "#cc79a7"},
                                           {Ink::sky, "#56b4e9"},
                                           {Ink::yellow, "#f0e442"},
                                           {Ink::grey, "#999999"}}};

const char* text_of(Ink colour) {
  return kInks[static_cast<std::size_t>(colour)].text;
}

std::string pixels(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", number);
  return text;
}

std::string quoted(std::string_view name, const std::string& content) {
  return " " + std::string(name) + "=\"" + content + "\"";
}

std::string text_at(double x, double y, std::string_view content, std::string_view more) {
  return "<text" + quoted("x", pixels(x)) + quoted("y", pixels(y)) + std::string(more) + ">" +
         escape_xml(content) + "</text>\n";
}

std::string line_between(Point from, Point to, std::string_view stroke) {
  return "<line" + quoted("x1", pixels(from.x)) + quoted("y1", pixels(from.y)) +
         quoted("x2", pixels(to.x)) + quoted("y2", pixels(to.y)) +
         quoted("stroke", std::string(stroke)) + "/>\n";
}

Axis settled(Axis axis) {
  if (!(axis.high > axis.low)) {
    axis.high = axis.low + 1;
  }
  if (axis.ticks.empty()) {
    axis.ticks = round_ticks(axis.low, axis.high);
  }
  return axis;
}

}  // namespace

Ink ink(std::size_t number) {
  return kInks[number % (kInks.size() - 1)].colour;
}

std::string escape_xml(std::string_view text) {
  std::string escaped;
  for (const auto letter : text) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += letter;
    }
  }
  return escaped;
}

std::vector<std::pair<double, std::string>> round_ticks(double low, double high) {
  constexpr double kWanted = 6;
  std::vector<std::pair<double, std::string>> ticks;
  const auto raw = (high - low) / kWanted;
  if (!(raw > 0) || !std::isfinite(raw)) {
    return ticks;
  }
  const auto power = std::pow(10.0, std::floor(std::log10(raw)));
  const auto leading = raw / power;
  const auto step = power * (leading <= 1 ? 1 : leading <= 2 ? 2 : leading <= 5 ? 5 : 10);
  // Counted in whole steps, so that no error adds up.
  // Adding nothing makes nothing of a negative zero.
  for (auto count = std::ceil(low / step - 1e-9) + 0.0; count * step <= high + step * 1e-9;
       ++count) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", count * step);
    ticks.emplace_back(count * step, text);
  }
  return ticks;
}

Chart::Chart(std::string title, Axis x, Axis y, std::int32_t height)
    : title_(std::move(title)),
      x_(settled(std::move(x))),
      y_(settled(std::move(y))),
      height_(height) {}

double Chart::across(double x) const {
  const auto share = std::clamp((x - x_.low) / (x_.high - x_.low), 0.0, 1.0);
  return kLeft + share * (kWidth - kLeft - kRight);
}

double Chart::down(double y) const {
  const auto share = std::clamp((y - y_.low) / (y_.high - y_.low), 0.0, 1.0);
  return height_ - kBottom - share * (height_ - kTop - kBottom);
}

Chart& Chart::polyline(const std::vector<Point>& points, Ink colour, std::string_view more) {
  body_ += "<polyline fill=\"none\" stroke-width=\"1.6\"" + quoted("stroke", text_of(colour)) +
           std::string(more) + " points=\"";
  for (const auto& point : points) {
    body_ += pixels(across(point.x)) + "," + pixels(down(point.y)) + " ";
  }
  body_ += "\"/>\n";
  return *this;
}

Chart& Chart::line(const std::vector<Point>& points, Ink colour) {
  return polyline(points, colour, "");
}

Chart& Chart::dashed(const std::vector<Point>& points, Ink colour) {
  return polyline(points, colour, " stroke-dasharray=\"5 4\"");
}

Chart& Chart::area(const std::vector<Point>& points, Ink colour) {
  if (points.empty()) {
    return *this;
  }
  body_ += "<polygon fill-opacity=\"0.8\"" + quoted("fill", text_of(colour)) + " points=\"";
  const auto floor = pixels(down(y_.low));
  body_ += pixels(across(points.front().x)) + "," + floor + " ";
  for (const auto& point : points) {
    body_ += pixels(across(point.x)) + "," + pixels(down(point.y)) + " ";
  }
  body_ += pixels(across(points.back().x)) + "," + floor + "\"/>\n";
  return *this;
}

Chart& Chart::box(const Box& box, Ink colour) {
  const auto left = across(box.left);
  const auto top = down(box.high);
  body_ += "<rect" + quoted("x", pixels(left)) + quoted("y", pixels(top)) +
           quoted("width", pixels(across(box.right) - left)) +
           quoted("height", pixels(down(box.low) - top)) + quoted("fill", text_of(colour)) + "/>\n";
  return *this;
}

Chart& Chart::legend(std::string_view text, Ink colour) {
  legend_.emplace_back(text, colour);
  return *this;
}

std::string Chart::legends() const {
  std::string text;
  auto x = kLeft;
  auto y = kTop - 14;
  for (const auto& [name, colour] : legend_) {
    const auto width = entry_width(name);
    if (x > kLeft && x + width > kWidth) {
      x = kLeft;
      y += kLegendLine;
    }
    text += "<rect width=\"14\" height=\"10\"" + quoted("x", pixels(x)) +
            quoted("y", pixels(y - 9)) + quoted("fill", text_of(colour)) + "/>\n" +
            text_at(x + 19, y, name, " font-size=\"12\"");
    x += width;
  }
  return text;
}

/// Of the lines behind the first.
double Chart::legend_room() const {
  auto x = kLeft;
  double room = 0;
  for (const auto& [name, colour] : legend_) {
    const auto width = entry_width(name);
    if (x > kLeft && x + width > kWidth) {
      x = kLeft;
      room += kLegendLine;
    }
    x += width;
  }
  return room;
}

std::string Chart::axes() const {
  const auto floor = down(y_.low);
  std::string text;
  for (const auto& [value, label] : y_.ticks) {
    const auto y = down(value);
    text += line_between({kLeft, y}, {kWidth - kRight, y}, "#e4e4e4");
    text += text_at(kLeft - 6, y + 4, label, " text-anchor=\"end\" font-size=\"11\"");
  }
  for (const auto& [value, label] : x_.ticks) {
    const auto x = across(value);
    text += line_between({x, floor}, {x, floor + 4}, "#444444");
    text += text_at(x, floor + 17, label, " text-anchor=\"middle\" font-size=\"11\"");
  }
  const auto middle = (kLeft + kWidth - kRight) / 2;
  text += text_at(middle, height_ - 8, x_.label, " text-anchor=\"middle\" font-size=\"12\"");
  const auto turn = pixels((kTop + floor) / 2);
  text += text_at(0, 0, y_.label,
                  " text-anchor=\"middle\" font-size=\"12\" transform=\"translate(16 " + turn +
                      ") rotate(-90)\"");
  return text;
}

std::string Chart::svg() const {
  const auto room = legend_room();
  const auto height = pixels(height_ + room);
  const auto floor = down(y_.low);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\"" +
         quoted("viewBox", "0 0 " + pixels(kWidth) + " " + height) +
         quoted("width", pixels(kWidth)) + quoted("height", height) +
         " font-family=\"sans-serif\" fill=\"#222222\">\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n" +
         text_at(kLeft, 20, title_, " font-size=\"15\" font-weight=\"bold\"") + legends() + "<g" +
         quoted("transform", "translate(0 " + pixels(room) + ")") + ">\n" + axes() + body_ +
         line_between({kLeft, floor}, {kWidth - kRight, floor}, "#444444") +
         line_between({kLeft, kTop}, {kLeft, floor}, "#444444") + "</g></svg>\n";
}

}  // namespace troupe::simulation
