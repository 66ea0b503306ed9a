// What a policy knows of a request, and what it says about it.
#pragma once

#include "engine/base/ids.h"
#include "engine/base/time.h"

#include <compare>
#include <cstdint>
#include <optional>

namespace troupe {

/// The facts about one request on which a policy may decide. A value; its sequence owns it.
struct Standing {
  RequestId request;
  TimePoint arrival;
  std::int32_t priority = 0;          // higher first
  std::optional<TimePoint> deadline;  // for the last token
  std::int32_t num_prompt_tokens = 0;
  std::int32_t max_tokens = 0;      // prompt and output together
  std::int64_t tenant_service = 0;  // what its tenant has had, while it runs under the fair policy

  // Its place on the ladder of the mlfq policy.
  std::int32_t rung = 0;
  std::int64_t rung_tokens = 0;  // served on this rung
  TimePoint rung_since;          // entered the rung, or was last served on it
};

/// Where a request stands among others: the smaller runs first. No two requests are equal.
struct Rank {
  std::int64_t level = 0;
  std::int64_t order = 0;
  TimePoint arrival;
  RequestId request;

  // The check takes the 0 that <=> is compared with for a pointer.
  friend auto operator<=>(const Rank&, const Rank&) = default;  // NOLINT(modernize-use-nullptr)
};

}  // namespace troupe
