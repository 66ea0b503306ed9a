#include "engine/api/event.h"

#include <algorithm>

namespace troupe {

std::int32_t num_places(const Delta& delta) {
  return std::max(static_cast<std::int32_t>(delta.tokens.size()), 1);
}

std::string_view to_string(FinishReason reason) {
  return reason == FinishReason::length ? "length" : "stop";
}

}  // namespace troupe
