// Sees every message of a rehearsal and looks at the actors' states after each: follows the rings,
// audits the memory, and notices whoever dies without the play's wanting it.
#pragma once

#include "actors/engine_actor.h"
#include "actors/memory_manager_actor.h"
#include "actors/scheduler_actor.h"

#include "rehearsal/actor_stage.h"
#include "rehearsal/audience.h"
#include "rehearsal/ring_watch.h"
#include "rehearsal/sightings.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace troupe::rehearsal {

class HouseWatch : public StageWatcher {
 public:
  HouseWatch(const Play& play, ActorStage& stage, Audience& audience, Sightings& sightings);

  void before(const Cue& cue) override;
  void after() override;

  /// Nothing moves any more: nobody runs or waits, and every block is at home.
  void check_silence();

  /// The company leaves; the states of its actors are looked at no more.
  void look_away() { looking_ = false; }

  /// Each message, as a line. For whoever looks for a bug.
  void set_trace(std::function<void(const std::string&)> trace) { trace_ = std::move(trace); }

  /// A number in which every step of the play has a part.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }

  /// The company has taken a request at its own door.
  std::function<void(const caf::actor_addr& listener, RequestId)> on_taken;

 private:
  enum class Part : std::uint8_t { none, company, scheduler, memory_manager, worker };

  /// One engine, and its ring as it is now.
  struct Engine {
    std::optional<RingWatch> ring;
    caf::actor_addr scheduler;  // of that ring
    RingNumber number;
    std::int64_t num_discarded_rows = 0;
    std::int64_t num_evicted_blocks = 0;
  };

  [[nodiscard]] EngineActorState* engine_state(std::size_t index);
  void find_part(const caf::scheduled_actor& actor);
  void read(const caf::type_erased_tuple& content);
  void read_scheduler(const caf::type_erased_tuple& content);
  void look_for_new_rings();
  void look_for_new_actors();
  void watch_over(const caf::actor& actor, const char* role);
  void look_at_memory(const EngineActorState& state, Engine& engine);
  void look_at_scheduler(const EngineActorState& state, Engine& engine);
  void write_trace(const Cue& cue) const;

  const Play& play_;
  ActorStage& stage_;
  Audience& audience_;
  Sightings& sightings_;
  std::vector<Engine> engines_;
  std::unordered_set<caf::actor_id> known_actors_;
  std::function<void(const std::string&)> trace_;
  /// Outlives the watch: the last actors die after it.
  std::shared_ptr<std::optional<Violation>> broken_ = std::make_shared<std::optional<Violation>>();
  std::uint64_t digest_ = 0;
  bool looking_ = true;

  // Of the step under way.
  Part part_ = Part::none;
  const caf::scheduled_actor* reader_ = nullptr;
  std::size_t engine_ = 0;
  std::optional<EnqueueAttempt> attempt_;
  std::int32_t num_waiting_before_ = 0;

  std::int64_t last_progress_ = 0;
  std::int64_t num_steps_without_ = 0;
};

}  // namespace troupe::rehearsal
