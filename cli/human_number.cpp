#include "cli/human_number.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>

namespace troupe::cli {
namespace {

constexpr std::string_view kDecimalSuffixes = "kmgt";
constexpr std::string_view kBinarySuffixes = "KMGT";
constexpr double kLargest = 9.2e18;  // below 2^63

// What a suffix multiplies by; 0 for none that we know.
double factor_of(std::string_view suffix) {
  if (suffix.empty()) {
    return 1.0;
  }
  const auto decimal = kDecimalSuffixes.find(suffix.front());
  if (suffix.size() == 1 && decimal != std::string_view::npos) {
    return std::pow(1000.0, static_cast<double>(decimal + 1));
  }
  const auto binary = kBinarySuffixes.find(suffix.front());
  const bool ends_well = suffix.size() == 1 || suffix.substr(1) == "iB";
  if (ends_well && binary != std::string_view::npos) {
    return std::pow(1024.0, static_cast<double>(binary + 1));
  }
  return 0.0;
}

std::string one_decimal(double number) {
  std::array<char, 32> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.1f", number);
  std::string text(buffer.data(), static_cast<std::size_t>(length));
  return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

}  // namespace

Result<std::int64_t> parse_human_number(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_value,
                std::string(text) + " is not a whole number such as 8192, 8K, 32k or 1.5G");
  };
  const auto digits = text.find_first_not_of("0123456789.");
  const auto number = text.substr(0, digits);
  const auto suffix = digits == std::string_view::npos ? std::string_view() : text.substr(digits);
  if (suffix.empty() && number.find('.') == std::string_view::npos) {
    std::int64_t whole = 0;
    const auto [end, problem] =
        std::from_chars(number.data(), number.data() + number.size(), whole);
    if (number.empty() || problem != std::errc() || end != number.data() + number.size()) {
      return wrong();
    }
    return whole;
  }
  double value = 0.0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), value);
  const double factor = factor_of(suffix);
  if (number.empty() || problem != std::errc() || end != number.data() + number.size() ||
      factor == 0.0) {
    return wrong();
  }
  // Rounded first: 25.6 is no binary fraction, but 25.6k is the whole number 25,600.
  const double product = value * factor;
  if (product >= kLargest || std::abs(product - std::round(product)) > 1e-6 * factor) {
    return wrong();
  }
  return static_cast<std::int64_t>(std::llround(product));
}

std::string with_commas(std::int64_t number) {
  const auto plain = std::to_string(number);
  const std::size_t num_signs = number < 0 ? 1 : 0;
  std::string text;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (i > num_signs && (plain.size() - i) % 3 == 0) {
      text += ',';
    }
    text += plain[i];
  }
  return text;
}

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1024.0 && unit + 1 < kUnits.size(); ++unit) {
    size /= 1024.0;
  }
  return one_decimal(size) + " " + kUnits.at(unit);
}

std::string human_count(std::int64_t count) {
  constexpr std::array<const char*, 4> kUnits = {"", " K", " M", " B"};
  auto size = static_cast<double>(count);
  std::size_t unit = 0;
  for (; size >= 1000.0 && unit + 1 < kUnits.size(); ++unit) {
    size /= 1000.0;
  }
  return one_decimal(size) + kUnits.at(unit);
}

}  // namespace troupe::cli
