// The device of a rehearsal: simulated, with every content checked, and with faults on demand.
#pragma once

#include "engine/step/backend.h"
#include "kernels/sim/sim_backend.h"

#include <cstdint>
#include <memory>
#include <set>
#include <string_view>

namespace troupe::rehearsal {

/// The message of a fault that belongs to the play begins so; any other is one of the house.
inline constexpr std::string_view kRehearsedFault = "rehearsed fault";

/// What is to go wrong. Shared by all devices of a play, and written from outside.
struct DeviceFaults {
  enum class Next : std::uint8_t { none, refuse_plan, fail_step, kill_worker };

  /// The next step that several requests are in meets this. Never one that a request is in alone:
  /// two such crashes and it is held to be the cause.
  Next next = Next::none;
  std::set<RequestId> poisonous;  // whatever step they are in kills its worker
  bool hopeless = false;          // every step kills its worker
  std::int64_t num_met = 0;       // by plans
};

[[nodiscard]] std::unique_ptr<Backend> make_rehearsal_device(SimOptions options,
                                                             std::shared_ptr<DeviceFaults> faults);

}  // namespace troupe::rehearsal
