// The numbers that tell the records of a journal apart. A number is never given to another kind.
#pragma once

#include <cstdint>

namespace troupe::journal {

enum class RecordKind : std::uint8_t {
  ring_began = 1,
  enqueued = 2,
  cancelled = 3,
  asked = 4,
  grant_arrived = 5,
  result_arrived = 6,
  proposed = 7,
  refused = 8,
  settled = 9,
  ended = 10,
};

}  // namespace troupe::journal
