// A station's line to the journal of its engine. Where nothing is recorded, each call is one
// branch.
#pragma once

#include "actors/caf_compat.h"
#include "actors/messages.h"
#include "engine/journal/recorder.h"

#include <cstdint>
#include <optional>

namespace troupe {

/// So many bytes may be on their way to the file of a journal. If it is written more slowly than
/// they come, recording ends: the ring waits for no disk.
inline constexpr std::int64_t kMaxJournalBacklogBytes = std::int64_t{64} << 20U;

/// The journal tells every so many bytes that they are written.
inline constexpr std::int64_t kJournalReceiptBytes = std::int64_t{1} << 20U;

/// Owned by the actor of a station. What is left when its actor dies is handed over then, so that
/// the message which killed it is in the journal.
class JournalTap {
 public:
  /// Records nothing.
  JournalTap() = default;
  /// Records nothing where `journal` is null.
  JournalTap(const caf::actor& journal, RingNumber ring);
  JournalTap(const JournalTap&) = delete;
  JournalTap& operator=(const JournalTap&) = delete;
  JournalTap(JournalTap&&) noexcept = default;
  JournalTap& operator=(JournalTap&&) noexcept = default;
  ~JournalTap();

  /// `fill` is called with the recorder, where there is one.
  template <class Fill>
  void note(Fill fill) {
    if (recorder_) {
      fill(*recorder_);
    }
  }

  /// Sends what was noted. Called at the end of each message's handling.
  void hand_over(caf::event_based_actor* self) {
    if (recorder_) {
      send_bytes(self);
    }
  }

  /// The journal has written so much of what this tap sent.
  void take_receipt(const JournalWritten& written) { num_pending_bytes_ -= written.num_bytes; }

  /// The journal takes nothing more.
  void stop() { recorder_.reset(); }

 private:
  void send_bytes(caf::event_based_actor* self);
  void give_up(journal::EndReason reason);

  caf::actor journal_;
  std::optional<journal::Recorder> recorder_;
  std::int64_t num_pending_bytes_ = 0;        // sent, and not known to be written
  std::int64_t num_bytes_since_receipt_ = 0;  // sent since a receipt was last asked for
};

}  // namespace troupe
