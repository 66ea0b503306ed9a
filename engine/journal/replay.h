// Plays a journal again, ring after ring, and says whether all that came out is what was recorded.
#pragma once

#include "engine/base/result.h"
#include "engine/journal/reader.h"
#include "engine/journal/record.h"
#include "engine/journal/ring_replay.h"

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::journal {

/// A ring that ended when one of its stations failed a check, in the replay as in the recording.
struct FailedRing {
  RingNumber ring;
  std::string check;
};

/// Not thread-safe. Holds the last two rings: the stations of a ring that is over may still write
/// when the next one has begun.
class Replay {
 public:
  Replay() = default;
  Replay(const Replay&) = delete;  // the rings count into a member
  Replay& operator=(const Replay&) = delete;
  ~Replay() = default;

  /// Feeds the next record. Does nothing once there is a difference.
  Turn take(const Record& record);

  [[nodiscard]] const std::optional<Difference>& difference() const { return difference_; }

  [[nodiscard]] const Agreements& agreements() const { return agreements_; }

  [[nodiscard]] std::int64_t num_rings() const { return num_rings_; }

  /// Null when it has not begun, or was left behind.
  [[nodiscard]] const RingReplay* ring(RingNumber number) const;

  /// The rings that failed a check so far; the first few of them.
  [[nodiscard]] std::vector<FailedRing> failed_rings() const;

 private:
  void begin(const RingBegan& began);

  std::map<RingNumber, std::unique_ptr<RingReplay>> rings_;
  std::vector<FailedRing> failed_rings_;  // of those left behind
  Agreements agreements_;
  std::int64_t num_rings_ = 0;
  std::optional<Difference> difference_;
};

/// The ring that a record belongs to; none for the end of a journal.
[[nodiscard]] std::optional<RingNumber> ring_of(const Record& record);

/// What a whole replay found.
struct ReplayReport {
  Agreements agreements;
  std::int64_t num_records = 0;
  std::int64_t num_bytes = 0;
  std::int64_t num_rings = 0;
  std::optional<Difference> difference;
  std::vector<FailedRing> failed_rings;
  Ending ending = Ending::open;
  std::int64_t num_torn_bytes = 0;
  EndReason end_reason = EndReason::stopped;  // when it was closed
  std::optional<Error> damage;                // what kept the rest from being read
};

/// Hears each record, and what the replay just made of it.
using Listener = std::function<void(const Record&, const Turn&, const Replay&)>;

/// Replays up to the end, the first damage or the first difference. Errors: those of
/// `Reader::open`.
[[nodiscard]] Result<ReplayReport> replay(std::istream& in, const Listener& listener = {});

}  // namespace troupe::journal
