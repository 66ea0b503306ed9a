// Writes down what goes into a station of a ring and what comes out of it, as the bytes of a
// journal. Knows no file: whoever owns it takes the bytes away.
#pragma once

#include "engine/api/attempt.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/journal/record.h"
#include "engine/journal/record_kind.h"
#include "engine/step/step.h"

#include <string>
#include <string_view>
#include <utility>

namespace troupe::journal {

/// Owned by the station that it records; not thread-safe. What is too large to be recorded is left
/// out, and `incomplete` is true from then on.
class Recorder {
 public:
  explicit Recorder(RingNumber ring) : ring_(ring) {}

  /// Before all others of its ring. `began.ring` is this recorder's.
  void ring_began(const RingBegan& began);

  void enqueued(const EnqueuedRequest& request, TimePoint now);
  void cancelled(RequestId request);
  void asked(TimePoint now);
  void grant_arrived(const StepGranted& granted);
  void result_arrived(const StepResult& result);
  void proposed(const StepProposal& proposal);
  void refused(RequestId request, AttemptNumber attempt, ErrorCode code);

  /// `plan` is null when none was made.
  void settled(const StepGranted& granted, const StepPlan* plan);

  /// What has been recorded since the bytes were last taken.
  [[nodiscard]] std::string_view bytes() const { return bytes_; }

  [[nodiscard]] std::string take_bytes() { return std::exchange(bytes_, {}); }

  [[nodiscard]] bool incomplete() const { return incomplete_; }

 private:
  template <class Fill>
  void record(RecordKind kind, Fill fill);

  RingNumber ring_;
  std::string bytes_;
  bool incomplete_ = false;
};

/// The bytes with which a journal begins.
[[nodiscard]] std::string journal_beginning();

/// The bytes with which a journal ends.
[[nodiscard]] std::string journal_end(EndReason reason);

}  // namespace troupe::journal
