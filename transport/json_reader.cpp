#include "transport/json_reader.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace troupe::transport {
namespace {

using Library = nlohmann::json;

bool has_duplicates(const JsonObject& object) {
  std::vector<std::string_view> names;
  names.reserve(object.size());
  for (const auto& member : object) {
    names.push_back(member.name);
  }
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) != names.end();
}

// Builds the value while the library's parser walks the text, so that no bound is ever overshot.
// Each handler returns whether to go on.
class Builder {
 public:
  // NOLINTBEGIN(readability-identifier-naming): names of the library's SAX interface.
  using number_integer_t = Library::number_integer_t;
  using number_unsigned_t = Library::number_unsigned_t;
  using number_float_t = Library::number_float_t;
  using string_t = Library::string_t;
  using binary_t = Library::binary_t;

  // NOLINTEND(readability-identifier-naming)

  explicit Builder(const JsonBounds& bounds) : bounds_(bounds) {}

  bool null() { return add(JsonValue()); }

  bool boolean(bool value) { return add(JsonValue(value)); }

  bool number_integer(number_integer_t value) { return add(JsonValue(std::int64_t{value})); }

  bool number_unsigned(number_unsigned_t value) {
    constexpr auto kLargestSigned = static_cast<std::uint64_t>(INT64_MAX);
    return value <= kLargestSigned ? add(JsonValue(static_cast<std::int64_t>(value)))
                                   : add(JsonValue(std::uint64_t{value}));
  }

  bool number_float(number_float_t value, const string_t& /*text*/) {
    return add(JsonValue(double{value}));
  }

  bool string(string_t& value) { return add(JsonValue(std::move(value))); }

  bool binary(binary_t& /*value*/) { return refuse("body is not JSON"); }

  bool start_object(std::size_t /*size*/) { return open(JsonValue(JsonObject())); }

  bool key(string_t& value) {
    open_.back().object()->push_back({std::move(value), JsonValue()});
    return true;
  }

  bool end_object() {
    if (has_duplicates(*open_.back().object())) {
      return refuse("an object has the same name twice");
    }
    return close();
  }

  bool start_array(std::size_t /*size*/) { return open(JsonValue(JsonArray())); }

  bool end_array() { return close(); }

  bool parse_error(std::size_t position,
                   const std::string& /*last_token*/,
                   const nlohmann::detail::exception& /*error*/) {
    return refuse("not valid JSON at byte " + std::to_string(position));
  }

  [[nodiscard]] std::string& problem() { return problem_; }

  [[nodiscard]] JsonValue& root() { return root_; }

 private:
  bool refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool count_value() {
    if (++num_values_ > bounds_.max_values) {
      return refuse("more than " + std::to_string(bounds_.max_values) + " JSON values");
    }
    return true;
  }

  void place(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (auto* array = open_.back().array()) {
      array->push_back(std::move(value));
    } else {
      open_.back().object()->back().value = std::move(value);
    }
  }

  bool add(JsonValue value) {
    if (!count_value()) {
      return false;
    }
    place(std::move(value));
    return true;
  }

  bool open(JsonValue container) {
    if (open_.size() >= bounds_.max_depth) {
      return refuse("JSON nested deeper than " + std::to_string(bounds_.max_depth));
    }
    if (!count_value()) {
      return false;
    }
    open_.push_back(std::move(container));
    return true;
  }

  bool close() {
    auto closed = std::move(open_.back());
    open_.pop_back();
    place(std::move(closed));
    return true;
  }

  const JsonBounds& bounds_;
  std::vector<JsonValue> open_;  // the containers that are not closed yet, outermost first
  JsonValue root_;
  std::size_t num_values_ = 0;
  std::string problem_;
};

}  // namespace

Result<JsonValue> read_json(std::string_view bytes, const JsonBounds& bounds) {
  // The library skips a byte order mark; RFC 8259 forbids to send one.
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (bytes.starts_with(kByteOrderMark)) {
    return fail(ErrorCode::invalid_json, "JSON must not begin with a byte order mark");
  }
  Builder builder(bounds);
  if (!Library::sax_parse(bytes.begin(), bytes.end(), &builder)) {
    return fail(ErrorCode::invalid_json, std::move(builder.problem()));
  }
  return std::move(builder.root());
}

}  // namespace troupe::transport
