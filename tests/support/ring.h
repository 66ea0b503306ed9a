// The iteration ring without actors: scheduler, memory manager and a simulated device, joined by
// queues that a test empties in whatever order it likes. It plays the request actors too: keeps
// each request's tokens, enqueues anew after a crash, and holds everything against an oracle.
// Whatever breaks a promise throws `InvariantViolation`.
#pragma once

#include "engine/api/attempt.h"
#include "engine/api/engine_config.h"
#include "engine/journal/recorder.h"
#include "engine/memory/memory_manager.h"
#include "engine/scheduling/crash_suspects.h"
#include "engine/scheduling/scheduler.h"
#include "kernels/sim/sim_backend.h"

#include "tests/support/naive_tables.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test {

struct RingOptions {
  EngineConfig config;
  std::int32_t vocab_size = 50;
  std::uint32_t eos_one_in = 0;
  std::int32_t num_host_blocks = 0;
  std::string* journal =
      nullptr;  // what the stations record is appended; null: they record nothing
};

/// How often something happened: a property test that never saw it has tested nothing.
struct Sightings {
  std::int64_t steps = 0;
  std::int64_t overlapped = 0;  // two steps on the device at once
  std::int64_t preemptions = 0;
  std::int64_t prefix_hits = 0;
  std::int64_t evictions = 0;
  std::int64_t swapped_out = 0;  // blocks
  std::int64_t swapped_in = 0;
  std::int64_t copied_tokens = 0;
  std::int64_t awaited = 0;  // admissions told to wait for a prefix
  std::int64_t deferrals = 0;
  std::int64_t stale_rows = 0;
  std::int64_t chunks = 0;  // of a prefill, without a token at the end
  std::int64_t held_results = 0;
  std::int64_t empty_grants = 0;
  std::int64_t crashes = 0;
  std::int64_t suspects_cleared = 0;
  std::int64_t condemned = 0;
  std::int64_t cancelled = 0;
  std::int64_t refused = 0;
  std::int64_t rejected = 0;   // by the deadline policy
  std::int64_t displaced = 0;  // from a seat
  std::int64_t late_messages = 0;

  void add(const Sightings& other);
};

enum class Ending : std::uint8_t { stop, length, cancelled, worker_lost, refused };

/// What the client's side knows of a request.
struct RequestLog {
  EnqueuedRequest request;      // as first enqueued; `attempt` is the current one
  std::vector<TokenId> tokens;  // the prompt, then what arrived
  std::vector<TokenId> oracle;  // the prompt, then what must arrive
  FinishReason oracle_reason = FinishReason::length;
  std::optional<Ending> ending;
  std::int32_t num_cached_tokens = 0;
  std::int32_t num_preemptions = 0;
};

class Ring {
 public:
  explicit Ring(RingOptions options);

  // The client's side. All of them let the scheduler propose afterwards.
  /// Checked: the request is new. A refusal ends it.
  Result<void> submit(EnqueuedRequest request);
  void cancel(RequestId request);

  /// A request that crashes the device whenever a step computes it.
  void poison(RequestId request) { poisoned_.insert(request); }

  [[nodiscard]] bool poisoned(RequestId request) const { return poisoned_.contains(request); }

  // One hop each; false when there is nothing to do.
  bool settle();          // the memory manager takes the proposal
  bool deliver_grant();   // the scheduler takes the oldest grant
  bool enqueue_plan();    // the device takes the oldest plan
  bool finish_step();     // the device finishes its oldest step, or crashes on a poisoned one
  bool deliver_result();  // the scheduler takes the oldest result
  bool return_request();  // the oldest request that a crash threw out enqueues itself anew
  bool deliver_late();    // a message of an earlier ring arrives

  /// Time goes by, for the policies that look at it.
  void wait(Duration duration) { now_ += duration; }

  /// The device dies in its oldest step; a new ring begins. False when it computes nothing.
  bool crash();

  /// Any hop that can be made, until none can. Checked: it gets there, and nobody is left behind.
  void run_until_silent();

  /// Checked: nobody lives, no block is held, nothing is under way, no proposal would be made.
  void check_silence();

  [[nodiscard]] bool moving() const;

  [[nodiscard]] const RequestLog& log(RequestId request) const { return logs_.at(request); }

  [[nodiscard]] const std::map<RequestId, RequestLog>& logs() const { return logs_; }

  [[nodiscard]] Scheduler& scheduler() { return *scheduler_; }

  [[nodiscard]] const MemoryManager& memory() const { return *memory_; }

  [[nodiscard]] const std::optional<StepProposal>& proposal() const { return proposal_; }

  [[nodiscard]] const StepGranted& last_grant() const { return last_grant_; }

  [[nodiscard]] Sightings sightings() const;

  [[nodiscard]] const std::deque<RequestId>& thrown_out() const { return thrown_out_; }

 private:
  /// `fill` writes down what a station is told or says, if anybody wants to know.
  template <class Fill>
  void note(Fill fill) {
    if (recorder_) {
      fill(*recorder_);
      *options_.journal += recorder_->take_bytes();
    }
  }

  void make_stations();
  void count_memory(Sightings& sightings) const;
  void begin_ring(const std::vector<RequestId>& suspects);
  void propose();
  void check_proposal(const StepProposal& proposal) const;
  void check_caps(const StepProposal& proposal) const;
  void check_victims(const StepProposal& proposal) const;
  void check_company(const StepPlan& plan) const;
  void look_at(const StepProposal& proposal, const StepGranted& granted);
  void acknowledge(const StepGranted& granted);
  void apply(const StepResult& result);
  void hear(const StepOutcome& outcome);
  void hear(const RequestTokens& tokens);
  void take_leave(RequestId request, Ending ending);
  void check_population() const;
  [[nodiscard]] std::vector<TokenId> oracle_of(const EnqueuedRequest& request,
                                               FinishReason& reason) const;
  [[nodiscard]] std::vector<RequestId> requests_of(const StepPlan& plan) const;

  RingOptions options_;
  SimBackend device_;
  RingNumber ring_{1};
  CrashSuspects suspects_;
  std::vector<std::vector<RequestId>> groups_;  // of suspects, as the ring began with them
  std::set<RequestId> uncleared_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<MemoryManager> memory_;
  std::unique_ptr<NaiveTables> tables_;
  std::optional<journal::Recorder> recorder_;
  std::set<RequestId> poisoned_;
  std::map<RequestId, RequestLog> logs_;
  std::set<RequestId> enqueued_;      // live in this ring
  std::deque<RequestId> thrown_out_;  // live, to be enqueued anew
  std::map<SequenceId, RequestId> request_of_;
  std::map<StepNumber, std::vector<SequenceId>> plan_sequences_;
  std::map<RequestId, std::int32_t> num_preemptions_;  // in this ring

  std::optional<StepProposal> proposal_;
  std::deque<StepGranted> grants_;
  std::deque<std::shared_ptr<const StepPlan>> plans_;
  std::deque<std::shared_ptr<const StepPlan>> on_device_;
  std::deque<StepResult> results_;
  std::deque<StepGranted> late_grants_;
  std::deque<StepResult> late_results_;
  StepGranted last_grant_;
  TimePoint now_;
  StepNumber last_acknowledged_;
  std::int32_t num_empty_turns_ = 0;  // in a row, with no word from outside
  Sightings sightings_;
};

}  // namespace troupe::test
