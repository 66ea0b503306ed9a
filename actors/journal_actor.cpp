#include "actors/journal_actor.h"

#include "engine/base/log.h"
#include "engine/journal/recorder.h"

#include <utility>

namespace troupe {
namespace {

using Self = caf::stateful_actor<JournalState>*;

Result<void> open(Self self, const std::string& path) {
  auto file = JournalFile::create(path);
  if (!file) {
    return pass(std::move(file));
  }
  self->state.file.emplace(*std::move(file));
  return self->state.file->append(journal::journal_beginning());
}

void append(Self self, std::string_view bytes) {
  if (auto written = self->state.file->append(bytes); !written) {
    log::warning("recording_ended", {{"why", written.error().message}});
    self->state.file.reset();
  }
}

void write(Self self, const JournalBytes& message) {
  if (self->state.file) {
    append(self, *message.bytes);
  }
  const auto sender = caf::actor_cast<caf::actor>(self->current_sender());
  if (!sender) {
    return;  // the last words of a station
  }
  if (!self->state.file) {
    self->send(sender, JournalStopped{});
  } else if (message.num_receipt_bytes > 0) {
    self->send(sender, JournalWritten{message.num_receipt_bytes});
  }
}

void end(Self self, const EndJournal& end) {
  if (self->state.file) {
    append(self, journal::journal_end(end.reason));
    self->state.file.reset();
  }
  if (end.reason == journal::EndReason::stopped) {
    self->state.itself = nullptr;
    self->quit();
  }
}

}  // namespace

caf::behavior journal_actor(Self self, const std::string& path, const caf::actor& engine) {
  set_house_rules(self, JournalState::name);
  self->state.itself = caf::actor(self);
  self->monitor(engine);
  self->set_down_handler([self](const caf::down_msg&) {
    // Through the mailbox, behind what the stations have sent: a down message overtakes the others.
    self->send(self, EndJournal{journal::EndReason::stopped});
  });
  self->send(engine, JournalOpened{open(self, path)});
  return {
      [self](const JournalBytes& message) { write(self, message); },
      [self](const EndJournal& message) { end(self, message); },
  };
}

}  // namespace troupe
