// How much of a stream its client has, as the `id:` of an event and as what a client says that
// takes the stream up again. Pure functions of text.
#pragma once

#include "engine/base/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// What a client has of one choice.
struct ChoicePosition {
  bool begun = false;  // the chunk before all text
  std::int32_t num_places = 0;
  bool finished = false;  // the chunk with the finish reason

  friend bool operator==(const ChoicePosition&, const ChoicePosition&) = default;
};

/// Written as the choices in their order with dots between: `-` for one that has not begun, else
/// its places, and `f` when it is finished; then `u` when the usage was told. With one choice that
/// is a number nearly always: `17`.
struct StreamPosition {
  std::vector<ChoicePosition> choices;
  bool usage_told = false;

  friend bool operator==(const StreamPosition&, const StreamPosition&) = default;
};

void append_position(std::string& out, const StreamPosition& position);

/// Error: `invalid_value` for anything but a position of a stream with `num_choices` choices.
[[nodiscard]] Result<StreamPosition> parse_position(std::string_view text, std::size_t num_choices);

}  // namespace troupe::transport
