#include "engine/journal/recorder.h"

#include "engine/journal/bytes.h"
#include "engine/journal/config_format.h"
#include "engine/journal/frame.h"
#include "engine/journal/image.h"
#include "engine/journal/request_format.h"

namespace troupe::journal {

template <class Fill>
void Recorder::record(RecordKind kind, Fill fill) {
  const auto begin = begin_record(bytes_);
  ByteWriter out(bytes_);
  out.byte(static_cast<std::uint8_t>(kind));
  out.number(ring_.value);
  fill(out);
  if (end_record(bytes_, begin) == Length::too_long) {
    incomplete_ = true;
  }
}

void Recorder::ring_began(const RingBegan& began) {
  record(RecordKind::ring_began, [&](ByteWriter& out) { write(out, began); });
}

void Recorder::enqueued(const EnqueuedRequest& request, TimePoint now) {
  record(RecordKind::enqueued, [&](ByteWriter& out) {
    write_time(out, now);
    write(out, request);
  });
}

void Recorder::cancelled(RequestId request) {
  record(RecordKind::cancelled, [&](ByteWriter& out) { out.number(request.value); });
}

void Recorder::asked(TimePoint now) {
  record(RecordKind::asked, [&](ByteWriter& out) { write_time(out, now); });
}

void Recorder::grant_arrived(const StepGranted& granted) {
  record(RecordKind::grant_arrived, [&](ByteWriter& out) {
    out.number(granted.ring.value);
    out.number(granted.step.value);
  });
}

void Recorder::result_arrived(const StepResult& result) {
  record(RecordKind::result_arrived, [&](ByteWriter& out) { write(out, result); });
}

void Recorder::proposed(const StepProposal& proposal) {
  record(RecordKind::proposed, [&](ByteWriter&) { append_image(bytes_, proposal); });
}

void Recorder::refused(RequestId request, AttemptNumber attempt, ErrorCode code) {
  record(RecordKind::refused, [&](ByteWriter& out) {
    out.number(request.value);
    out.number(attempt.value);
    out.byte(static_cast<std::uint8_t>(code));
  });
}

void Recorder::settled(const StepGranted& granted, const StepPlan* plan) {
  std::string grant_image;
  append_image(grant_image, granted);
  record(RecordKind::settled, [&](ByteWriter& out) {
    out.number(granted.step.value);
    out.text(grant_image);
    if (plan != nullptr) {
      append_image(bytes_, *plan);
    }
  });
}

std::string journal_beginning() {
  std::string bytes;
  append_file_header(bytes);
  return bytes;
}

std::string journal_end(EndReason reason) {
  std::string bytes;
  const auto begin = begin_record(bytes);
  ByteWriter out(bytes);
  out.byte(static_cast<std::uint8_t>(RecordKind::ended));
  out.byte(static_cast<std::uint8_t>(reason));
  static_cast<void>(end_record(bytes, begin));  // two bytes are never too long
  return bytes;
}

}  // namespace troupe::journal
