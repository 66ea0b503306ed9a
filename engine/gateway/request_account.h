// What there is to tell of one request to whoever asks for it later: kept up by its record while it
// lives, kept as it is when it has ended.
#pragma once

#include "engine/api/event.h"
#include "engine/api/service.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/gateway/transcript.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace troupe {

struct RequestAccount {
  RequestId request;
  std::string model;
  bool accepted = false;
  Transcript output;
  Usage usage;
  Timing timing;
  std::variant<std::monostate, Finished, Failed> end;

  [[nodiscard]] bool has_ended() const { return !std::holds_alternative<std::monostate>(end); }
};

[[nodiscard]] RequestSnapshot snapshot_of(const RequestAccount& account);

/// The events that a sink must hear so that a client with `num_places` places has heard all there
/// is: nothing before the acceptance, the end when there is one.
/// Error: `invalid_value` for more places than there are.
[[nodiscard]] Result<std::vector<Event>> replay(const RequestAccount& account,
                                                std::int32_t num_places);

/// About how much memory it takes.
[[nodiscard]] std::size_t num_bytes(const RequestAccount& account);

}  // namespace troupe
