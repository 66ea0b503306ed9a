// Follows one ring of one engine from the messages that go round it, and holds them against what a
// ring promises. A second, plain bookkeeping: it shares no code with those it watches.
#pragma once

#include "engine/api/attempt.h"
#include "engine/step/step.h"

#include "rehearsal/audience.h"
#include "rehearsal/play.h"
#include "rehearsal/sightings.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <tuple>

namespace troupe::rehearsal {

/// Whether the ring began with requests that are suspected of a crash: these may do what others may
/// not.
enum class Suspicion : std::uint8_t { none, some };

class RingWatch {
 public:
  RingWatch(const Play& play, Audience& audience, Sightings& sightings, Suspicion suspicion)
      : play_(play), audience_(audience), sightings_(sightings), suspicion_(suspicion) {}

  // Each is called just before the message is handled, and throws where a promise is broken.
  void proposed(std::shared_ptr<const StepProposal> proposal);
  void granted(const StepGranted& granted);
  void planned(const StepPlan& plan);
  void computed(const StepResult& result);

  /// The scheduler has handled an attempt.
  void enqueued(RequestId request, AttemptNumber attempt, bool was_taken);
  void cancelled(RequestId request);

 private:
  struct Member {
    RequestId request;
    std::int32_t seat = 0;
    std::int32_t computed = 0;
  };

  /// Where a waiting request stands, for the policies that give everybody a fixed place.
  using Place = std::tuple<std::int64_t, TimePoint, RequestId>;

  void check_runner(const Candidate& candidate) const;
  void check_entrant(const Candidate& candidate) const;
  void check_budget() const;
  void check_seats() const;
  void check_victims() const;
  void check_order();
  void compare(const Client& before, const Client& behind);
  [[nodiscard]] Place place_of(const Client& client) const;
  [[nodiscard]] const Candidate& candidate(SequenceId sequence) const;
  void lose(SequenceId sequence);
  void take_row(const GrantedRow& row);

  const Play& play_;
  Audience& audience_;
  Sightings& sightings_;
  Suspicion suspicion_;
  std::shared_ptr<const StepProposal> outstanding_;
  StepNumber last_step_;
  std::int32_t num_empty_turns_ = 0;      // in a row, with no word from outside
  std::map<SequenceId, Member> members_;  // that hold a seat
  std::map<RequestId, std::int32_t> num_preemptions_;
  std::map<RequestId, AttemptNumber> attempts_;
  std::set<RequestId> fresh_;  // wait, and have never had a seat
  /// Since the last grant: an admission of theirs may be one of an earlier attempt …
  std::set<RequestId> came_anew_;
  std::set<RequestId> unsure_;          // … and perhaps was, so that they may wait still
  std::set<StepNumber> in_flight_;      // granted, without a result
  std::set<StepNumber> early_results_;  // that came before their grants
};

}  // namespace troupe::rehearsal
