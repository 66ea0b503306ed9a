// A whole company under CAF's testing scheduler: one thread, virtual time, and an order of messages
// that a seed decides.
#pragma once

#include "actors/company_actor.h"
#include "engine/api/event.h"

#include <caf/scheduler/test_coordinator.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace troupe {

/// What one client heard, and in which order.
struct Heard {
  std::int32_t num_accepted = 0;
  std::vector<TokenId> tokens;
  std::vector<Finished> finished;
  std::vector<Failed> failed;
  bool after_end = false;  // something came after the end

  [[nodiscard]] std::size_t num_ends() const { return finished.size() + failed.size(); }
};

class ActorStage {
 public:
  ActorStage(CompanyParts parts, std::uint32_t seed);
  ~ActorStage();

  /// Sends a request in; what it hears is in `heard(id)`.
  RequestId submit(GenerateRequest request);
  void cancel(RequestId request);
  [[nodiscard]] const Heard& heard(RequestId request) const;

  /// Runs one message of one actor that has one, picked by the seed. False: nobody has any.
  bool step();
  /// Runs until nobody has a message. Returns how many were handled.
  std::int32_t run();
  /// Moves the clock, so that what waited for it happens.
  void advance(Duration duration);

  /// The state of an actor, or null when it has died.
  template <class State>
  [[nodiscard]] static State* state_of(const caf::actor& actor) {
    auto* raw = caf::actor_cast<caf::abstract_actor*>(actor);
    if (raw == nullptr || raw->getf(caf::abstract_actor::is_terminated_flag)) {
      return nullptr;
    }
    return &dynamic_cast<caf::stateful_actor<State>&>(*raw).state;
  }

  [[nodiscard]] CompanyState& company_state() { return *state_of<CompanyState>(company_); }

  [[nodiscard]] caf::actor_system& system() { return *system_; }

  [[nodiscard]] const caf::actor& company() const { return company_; }

  [[nodiscard]] std::mt19937& random() { return random_; }

 private:
  class RecordingSink;

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  std::mt19937 random_;
  caf::actor company_;
  std::map<RequestId, std::shared_ptr<Heard>> heard_;
  std::uint64_t num_requests_ = 0;
};

}  // namespace troupe
