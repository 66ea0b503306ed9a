#include "engine/api/service.h"

namespace troupe {

std::string_view to_string(RequestPhase phase) {
  switch (phase) {
    case RequestPhase::queued:
      return "queued";
    case RequestPhase::running:
      return "running";
    case RequestPhase::finished:
      return "finished";
    case RequestPhase::failed:
      return "failed";
  }
  return "failed";
}

}  // namespace troupe
