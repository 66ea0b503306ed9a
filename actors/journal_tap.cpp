#include "actors/journal_tap.h"

#include "engine/base/log.h"

#include <memory>
#include <utility>

namespace troupe {

JournalTap::JournalTap(const caf::actor& journal, RingNumber ring) : journal_(journal) {
  if (journal_) {
    recorder_.emplace(ring);
  }
}

JournalTap::~JournalTap() {
  if (journal_ && recorder_ && !recorder_->bytes().empty()) {
    caf::anon_send(journal_,
                   JournalBytes{std::make_shared<const std::string>(recorder_->take_bytes())});
  }
}

void JournalTap::send_bytes(caf::event_based_actor* self) {
  if (recorder_->incomplete()) {
    give_up(journal::EndReason::large_record);
    return;
  }
  if (recorder_->bytes().empty()) {
    return;
  }
  JournalBytes message{std::make_shared<const std::string>(recorder_->take_bytes())};
  const auto num_bytes = static_cast<std::int64_t>(message.bytes->size());
  num_pending_bytes_ += num_bytes;
  num_bytes_since_receipt_ += num_bytes;
  if (num_pending_bytes_ > kMaxJournalBacklogBytes) {
    give_up(journal::EndReason::backlog);
    return;
  }
  if (num_bytes_since_receipt_ >= kJournalReceiptBytes) {
    message.num_receipt_bytes = std::exchange(num_bytes_since_receipt_, 0);
  }
  self->send(journal_, std::move(message));
}

void JournalTap::give_up(journal::EndReason reason) {
  log::warning("recording_ended",
               {{"why", reason == journal::EndReason::backlog ? "the file is written too slowly"
                                                              : "a record is too large"},
                {"pending_bytes", num_pending_bytes_}});
  recorder_.reset();
  caf::anon_send(journal_, EndJournal{reason});
}

}  // namespace troupe
