// A whole company under CAF's testing scheduler: one thread, virtual time, and an order of messages
// that a seed decides. Whoever watches sees each message before it is handled.
#pragma once

#include "actors/company_actor.h"
#include "engine/api/event.h"

#include "rehearsal/draw.h"
#include "rehearsal/heard.h"
#include <caf/scheduler/test_coordinator.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace troupe::rehearsal {

/// What one step of the stage is about: who is to run, and what it is to read.
struct Cue {
  caf::scheduled_actor* actor = nullptr;           // null: no actor
  const caf::type_erased_tuple* urgent = nullptr;  // null: none
  const caf::type_erased_tuple* normal = nullptr;  // comes behind the urgent one; null: none
};

class StageWatcher {
 public:
  StageWatcher() = default;
  StageWatcher(const StageWatcher&) = delete;
  StageWatcher& operator=(const StageWatcher&) = delete;
  virtual ~StageWatcher() = default;

  virtual void before(const Cue& cue) = 0;
  /// The step is done; the messages of the cue are gone.
  virtual void after() = 0;
};

class ActorStage {
 public:
  ActorStage(CompanyParts parts, std::uint64_t seed);
  ActorStage(const ActorStage&) = delete;
  ActorStage& operator=(const ActorStage&) = delete;
  ~ActorStage();

  /// Sends a request in; what it hears is in `heard(id)`.
  RequestId submit(GenerateRequest request);
  /// The same with a sink of the caller's.
  RequestId submit(GenerateRequest request, std::shared_ptr<EventSink> sink);
  void cancel(RequestId request);
  [[nodiscard]] const Heard& heard(RequestId request) const;

  /// Runs one actor that has a message, picked by the seed: it handles one, and one more if that
  /// was urgent. False: nobody has any.
  bool step();
  /// Runs until nobody has a message. Returns how many steps it took.
  std::int32_t run();
  /// Moves the clock, so that what waited for it happens.
  void advance(Duration duration);

  /// Moves the clock and no more: the timers are due, and nobody has run.
  void pass(Duration duration) { scheduler_->advance_time(duration); }

  /// The company leaves the stage, and everybody with it. Returns how many actors did not.
  std::size_t close();

  [[nodiscard]] TimePoint now() const { return scheduler_->clock().now(); }

  /// Borrowed; null: nobody watches.
  void set_watcher(StageWatcher* watcher) { watcher_ = watcher; }

  /// The state of an actor, or null when it has died.
  template <class State>
  [[nodiscard]] static State* state_of(const caf::actor& actor) {
    auto* raw = caf::actor_cast<caf::abstract_actor*>(actor);
    if (raw == nullptr || raw->getf(caf::abstract_actor::is_terminated_flag)) {
      return nullptr;
    }
    return &dynamic_cast<caf::stateful_actor<State>&>(*raw).state;
  }

  /// Checked: the company lives.
  [[nodiscard]] CompanyState& company_state() { return *state_of<CompanyState>(company_); }

  [[nodiscard]] caf::actor_system& system() { return *system_; }

  [[nodiscard]] const caf::actor& company() const { return company_; }

  [[nodiscard]] Draw& random() { return draw_; }

 private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  StageWatcher* watcher_ = nullptr;
  Draw draw_;
  caf::actor company_;
  std::map<RequestId, std::shared_ptr<Heard>> heard_;
  std::uint64_t num_requests_ = 0;
};

}  // namespace troupe::rehearsal
