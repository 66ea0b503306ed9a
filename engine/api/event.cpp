#include "engine/api/event.h"

namespace troupe {

std::string_view to_string(FinishReason reason) {
  return reason == FinishReason::length ? "length" : "stop";
}

}  // namespace troupe
