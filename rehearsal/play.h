// What one seed puts on the stage: the sizes of the house, what its clients want, and what goes
// wrong. Drawn anew for each seed, small more often than large, so that edges are common.
#pragma once

#include "engine/api/engine_config.h"
#include "engine/api/request.h"
#include "engine/base/time.h"
#include "engine/gateway/finished_store.h"
#include "kernels/sim/sim_backend.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::rehearsal {

/// What may go wrong, or come from outside, while requests run.
enum class Incident : std::uint8_t {
  cancel,
  leave,  // of a client that is an actor
  kill_request,
  kill_text,
  kill_archive,
  kill_router,
  kill_engine,
  kill_scheduler,
  kill_memory,
  kill_worker,
  refuse_plan,
  fail_step,
  throw_step,
  pass_time,
  fetch,
  attach,
  drain,
  curtain,  // the company is sent home in mid-play
  last,     // not one of them
};

inline constexpr auto kNumIncidents = static_cast<std::size_t>(Incident::last);

struct PlannedRequest {
  GenerateRequest request;
  bool is_poisonous = false;
};

/// Through which door clients come.
enum class Door : std::uint8_t { sinks, actors };

struct Play {
  std::uint64_t seed = 0;
  ModelCard model;
  EngineConfig engine;
  SimOptions device;  // its clock is not set
  std::int32_t num_engines = 1;
  std::int32_t num_text_actors = 1;
  RestartIntensity restarts;
  FinishedLimits completed;
  Door door = Door::sinks;
  bool is_hopeless = false;  // no step ever succeeds
  std::vector<PlannedRequest> requests;
  std::int32_t arrival_one_in = 1;                        // events
  std::array<std::int32_t, kNumIncidents> one_in_many{};  // events; 0: never
  std::int32_t num_events = 0;                            // within which incidents happen

  [[nodiscard]] std::int32_t one_in(Incident incident) const {
    return one_in_many[static_cast<std::size_t>(incident)];
  }
};

[[nodiscard]] Play draw_play(std::uint64_t seed);

}  // namespace troupe::rehearsal
