// What happens to a company from outside during a play: clients that cancel, leave or come back,
// parts that die, a device that fails, the end of the day.
#pragma once

#include "engine/api/service.h"

#include "rehearsal/actor_stage.h"
#include "rehearsal/audience.h"
#include "rehearsal/device.h"
#include "rehearsal/play.h"
#include "rehearsal/sightings.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::rehearsal {

class Incidents {
 public:
  Incidents(const Play& play,
            ActorStage& stage,
            Audience& audience,
            DeviceFaults& faults,
            Sightings& sightings)
      : play_(play), stage_(stage), audience_(audience), faults_(faults), sightings_(sightings) {}

  /// Perhaps one of them happens; false: none did.
  bool happen();

  [[nodiscard]] bool curtain_fell() const { return curtain_fell_; }

  /// No more of them; what was to come comes no more.
  void end() { faults_.next = DeviceFaults::Next::none; }

  /// In silence: all questions were answered.
  void check_answers() const;

 private:
  bool happen(Incident incident);
  bool cancel();
  bool leave();
  bool kill_request();
  bool kill(const caf::actor& actor, Sight sight);
  bool kill_part_of_engine(Incident incident);
  bool kill_text();
  bool break_device(DeviceFaults::Next fault, Sight sight);
  bool fetch();
  bool attach();
  bool drain();
  bool curtain();
  Client* any_client();

  const Play& play_;
  ActorStage& stage_;
  Audience& audience_;
  DeviceFaults& faults_;
  Sightings& sightings_;
  bool curtain_fell_ = false;
  std::int64_t num_asked_ = 0;
  std::shared_ptr<std::int64_t> num_answered_ = std::make_shared<std::int64_t>(0);
};

}  // namespace troupe::rehearsal
