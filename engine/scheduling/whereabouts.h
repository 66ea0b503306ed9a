// Where a request stands at a step, and what it waits for: for those who ask why. Nothing is
// decided by it.
#pragma once

#include "engine/base/ids.h"

#include <cstdint>
#include <optional>

namespace troupe {

/// What keeps a sequence out of a step.
enum class Hindrance : std::uint8_t {
  none,
  no_seat,           // all seats are taken, by those whose seat it may not take
  no_tokens,         // the tokens of the step go to those before it
  no_memory,         // there was no room for it, and no block has come home since
  short_runner,      // one that runs has no room: whoever entered would take what it is short of
  enough_passed,     // so many have passed one that memory holds back that nobody else may
  too_many_held,     // so many are held back by memory that no further one is looked at
  preempted,         // it was preempted, and comes back when somebody has ended
  result_under_way,  // the device has not told yet how its last step ended
  suspects,          // requests that were in a crashed step run alone
  closed_batch,      // nobody joins a static batch that has begun to decode
};

enum class Place : std::uint8_t { elsewhere, waiting, running };

/// After a proposal: why a request is not in it.
struct Whereabouts {
  Place place = Place::elsewhere;
  Hindrance hindrance = Hindrance::none;  // none: it is proposed, or came after the proposal
  /// Whose hindrance it is, when it is not its own: the first in the queue whom nobody behind may
  /// pass, or the running one that is short of memory.
  std::optional<RequestId> of;
  std::int32_t place_in_queue = 0;  // of those that wait and are not proposed, counted from 1
};

/// What ended the choice of admissions.
struct Halt {
  Hindrance why = Hindrance::none;
  RequestId at;                           // who did not enter
  std::optional<RequestId> short_runner;  // with `Hindrance::short_runner`
};

}  // namespace troupe
