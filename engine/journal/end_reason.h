// Why a journal was closed.
#pragma once

#include <cstdint>

namespace troupe::journal {

enum class EndReason : std::uint8_t {
  stopped,       // the engine ended
  backlog,       // the file was written too slowly, and recording gave up
  large_record,  // one record would have been larger than any may be
};

}  // namespace troupe::journal
