// What became of one request, step by step, told from a replay: why it waited, ran, was preempted,
// came back, ended.
#pragma once

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/journal/record.h"
#include "engine/journal/replay.h"
#include "engine/scheduling/whereabouts.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::journal {

enum class Happening : std::uint8_t {
  enqueued,
  refused,
  waits,          // not in the step; `hindrance` says why
  held_back,      // asked to enter, or to go on, and there was no room
  awaits_prefix,  // does better to wait for a prefix that another is computing
  crowded_out,    // asked to enter, and those before it took the last tokens of the step
  admitted,
  prefills,
  decodes,
  pauses,  // has its seat, but is not in the step; `hindrance` says why
  preempted,
  first_token,
  ended,
  cancelled,
  ring_lost,  // the engine lost its state; the request comes back as its next attempt
};

/// The name of a happening, and of a hindrance, for machines: `held_back`.
[[nodiscard]] std::string_view name_of(Happening happening);
[[nodiscard]] std::string_view name_of(Hindrance hindrance);

/// One thing that happened, or the same one in several steps in a row.
struct StoryLine {
  Happening what = Happening::waits;
  RingNumber ring;
  StepNumber first_step;  // 0: between steps
  StepNumber last_step;
  TimePoint first_time;
  TimePoint last_time;
  std::int32_t begin = 0;      // positions computed: [begin, end) …
  std::int32_t end = 0;        //
  std::int32_t num_known = 0;  // … of so many that were known at admission
  std::int32_t num_prompt_tokens = 0;
  std::int32_t max_output_tokens = 0;
  std::int32_t num_output_tokens = 0;  // so far
  std::int32_t num_blocks_needed = 0;  // at most: what is cached need not be taken
  std::int32_t num_blocks_kept = 0;    // free ones that are left to those who run
  std::int32_t num_blocks_free = 0;    // after the step
  Hindrance hindrance = Hindrance::none;
  std::optional<RequestId> other;  // whose hindrance it is; who took its seat
  std::int32_t place_in_queue = 0;
  std::int32_t priority = 0;
  std::int32_t other_priority = 0;
  AttemptNumber attempt;
  Duration since_arrival{};
  bool preempted_before = false;
  std::string reason;  // of a refusal or an end
};

/// Collects the lines of one request while a journal is replayed. Not thread-safe.
class Story {
 public:
  explicit Story(RequestId request) : request_(request) {}

  /// `turn` is what `replay` made of `record` just now.
  void take(const Record& record, const Turn& turn, const Replay& replay);

  [[nodiscard]] const std::vector<StoryLine>& lines() const { return lines_; }

 private:
  /// The attempt that is live.
  struct Live {
    RingNumber ring;
    AttemptNumber attempt;
    std::int32_t num_prompt_tokens = 0;
    std::int32_t priority = 0;
    std::int32_t num_output_tokens = 0;
    SequenceId sequence;  // of the current or coming admission
    std::int32_t num_start_tokens = 0;
    bool admitted = false;  // at present
    bool heard_token = false;
    bool preempted = false;
  };

  /// What one proposal and its grant have to do with the request.
  struct Scene {
    const StepProposal& proposal;
    const StepGranted& granted;
    const RingReplay& ring;
    TimePoint now;
  };

  void take_enqueued(const Enqueued& record, const Turn& turn);
  void take_asked(const Asked& record, const Turn& turn, const Replay& replay);
  void take_tokens(RingNumber ring, const StepOutcome& outcome);
  void take_ring(const RingBegan& began);
  void take_cancelled(const Cancelled& record);
  void refuse(RingNumber ring, const Rejection& rejection);

  void tell_step(const Scene& scene);
  void tell_candidate(const Scene& scene, const Candidate& candidate);
  void tell_row(const Scene& scene, const Candidate& candidate, const GrantedRow& row);
  void tell_preemption(const Scene& scene);
  void tell_whereabouts(const Scene& scene);

  [[nodiscard]] StoryLine line(Happening what, RingNumber ring) const;
  [[nodiscard]] StoryLine step_line(Happening what, const Scene& scene) const;
  void add(StoryLine line);
  /// Its time is that of the next proposal.
  void add_undated(StoryLine line);
  void date(TimePoint now);

  RequestId request_;
  std::optional<Live> live_;
  std::vector<StoryLine> lines_;
  std::size_t num_dated_ = 0;
  std::unordered_map<RequestId, std::int32_t> priorities_;
  TimePoint arrival_;
};

}  // namespace troupe::journal
