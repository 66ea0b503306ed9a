#include "actors/archive_actor.h"

#include <memory>
#include <utility>

namespace troupe {
namespace {

using Self = caf::stateful_actor<ArchiveState>*;

// One timer at a time counts. When results that are due earlier come in, the later timer finds that
// it does not count any more.
void set_timer(Self self) {
  auto& state = self->state;
  const auto due = state.store->next_expiry();
  if (!due || (state.next_wake && *state.next_wake <= *due)) {
    return;
  }
  state.next_wake = due;
  self->delayed_send(self, *due - self->clock().now(), ExpireAccounts{*due});
}

void expire(Self self, const ExpireAccounts& timer) {
  auto& state = self->state;
  if (timer.due != state.next_wake) {
    return;
  }
  state.next_wake.reset();
  state.store->expire(self->clock().now());
  set_timer(self);
}

tl::unexpected<Error> unknown() {
  return fail(ErrorCode::not_found, "there is no such request, or its result is kept no longer",
              "id");
}

void fetch(Self self, const FetchRequest& call) {
  const auto account = self->state.store->find(call.request, self->clock().now());
  if (account) {
    call.done(snapshot_of(*account));
  } else {
    call.done(unknown());
  }
}

void attach(Self self, const AttachSink& call) {
  const auto account = self->state.store->find(call.request, self->clock().now());
  auto events = account ? replay(*account, call.num_places) : Result<std::vector<Event>>(unknown());
  if (!events) {
    call.sink->deliver(Failed{std::move(events).error()});
    return;
  }
  for (auto& event : *events) {
    call.sink->deliver(std::move(event));
  }
}

}  // namespace

caf::behavior archive_actor(Self self, FinishedLimits limits, const caf::actor& company) {
  set_house_rules(self, ArchiveState::name);
  self->state.store.emplace(limits);
  self->state.company = company;
  return {
      [self](ArchiveAccount& ended) {
        self->state.store->put(std::move(ended.account), ended.retain, self->clock().now());
        set_timer(self);
      },
      [self](const ExpireAccounts& timer) { expire(self, timer); },
      [self](const FetchRequest& call) {
        fetch(self, call);
        self->send(self->state.company, ArchiveVisited{});
      },
      [self](const AttachSink& call) {
        attach(self, call);
        self->send(self->state.company, ArchiveVisited{});
      },
  };
}

}  // namespace troupe
