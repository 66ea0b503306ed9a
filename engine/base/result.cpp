#include "engine/base/result.h"

namespace troupe {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_json:
      return "invalid_json";
    case ErrorCode::invalid_value:
      return "invalid_value";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::context_length_exceeded:
      return "context_length_exceeded";
    case ErrorCode::never_fits:
      return "never_fits";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::resource_exhausted:
      return "resource_exhausted";
    case ErrorCode::queue_full:
      return "queue_full";
    case ErrorCode::loading:
      return "loading";
    case ErrorCode::draining:
      return "draining";
    case ErrorCode::unhealthy:
      return "unhealthy";
    case ErrorCode::deadline_exceeded:
      return "deadline_exceeded";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::slow_consumer:
      return "slow_consumer";
    case ErrorCode::worker_lost:
      return "worker_lost";
    case ErrorCode::invalid_model:
      return "invalid_model";
    case ErrorCode::device:
      return "device";
    case ErrorCode::io:
      return "io";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace troupe
