#include "transport/stream_position.h"

#include <charconv>
#include <optional>

namespace troupe::transport {
namespace {

std::optional<ChoicePosition> parse_choice(std::string_view text) {
  ChoicePosition choice;
  if (text == "-") {
    return choice;
  }
  choice.begun = true;
  if (text.ends_with('f')) {
    choice.finished = true;
    text.remove_suffix(1);
  }
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, choice.num_places);
  if (parsed.ec != std::errc() || parsed.ptr != end || choice.num_places < 0) {
    return std::nullopt;
  }
  return choice;
}

std::optional<StreamPosition> parse(std::string_view text) {
  StreamPosition position;
  if (text.ends_with('u')) {
    position.usage_told = true;
    text.remove_suffix(1);
  }
  for (bool more = true; more;) {
    const auto dot = text.find('.');
    const auto choice = parse_choice(text.substr(0, dot));
    if (!choice) {
      return std::nullopt;
    }
    position.choices.push_back(*choice);
    more = dot != std::string_view::npos;
    text.remove_prefix(more ? dot + 1 : text.size());
  }
  return position;
}

}  // namespace

void append_position(std::string& out, const StreamPosition& position) {
  bool first = true;
  for (const auto& choice : position.choices) {
    out += first ? "" : ".";
    first = false;
    if (!choice.begun) {
      out += '-';
      continue;
    }
    out += std::to_string(choice.num_places);
    out += choice.finished ? "f" : "";
  }
  out += position.usage_told ? "u" : "";
}

Result<StreamPosition> parse_position(std::string_view text, std::size_t num_choices) {
  auto position = parse(text);
  if (!position || position->choices.size() != num_choices) {
    return fail(ErrorCode::invalid_value,
                "from must be the id of an event of this stream, such as 17", "from");
  }
  return *std::move(position);
}

}  // namespace troupe::transport
