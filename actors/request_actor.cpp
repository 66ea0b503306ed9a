#include "actors/request_actor.h"

#include "engine/base/log.h"

#include <memory>
#include <string>
#include <utility>

namespace troupe {
namespace {

using Self = caf::stateful_actor<RequestState>*;

constexpr auto kEncodePatience = std::chrono::seconds(60);

// The prompt is known, and a router has the request.
bool is_enqueued(const RequestState& state) {
  return state.record->attempt() > AttemptNumber{0};
}

void enqueue(Self self) {
  auto& state = self->state;
  self->send(state.parts.router, EnqueueAttempt{state.record->next_attempt()});
}

void end(Self self, std::string outcome, Timing timing, bool finished) {
  auto& state = self->state;
  self->send(state.parts.telemetry,
             RequestCounted{state.record->usage(), timing, std::move(outcome), finished});
  self->send(state.parts.archive,
             ArchiveAccount{std::make_shared<const RequestAccount>(state.record->take_account()),
                            state.parts.request->retain.value_or(Duration::zero())});
  self->quit();
}

void end_with(Self self, Error error) {
  const auto code = std::string(to_string(error.code));
  self->state.record->fail_with(error);
  self->state.parts.sink->deliver(Failed{std::move(error)});
  end(self, code, Timing{}, false);
}

void cancel_attempt(Self self) {
  if (is_enqueued(self->state)) {
    self->send(self->state.parts.router, CancelAttempt{self->state.parts.id});
  }
}

void begin(Self self, Result<std::vector<TokenId>> tokens) {
  auto& state = self->state;
  if (!tokens) {
    end_with(self, std::move(tokens).error());
    return;
  }
  if (auto begun = state.record->begin(*std::move(tokens), state.parts.model); !begun) {
    end_with(self, std::move(begun).error());
    return;
  }
  enqueue(self);
}

void take(Self self, const RequestTokens& tokens) {
  auto& state = self->state;
  auto progress = state.record->take(tokens, self->clock().now());
  for (auto& event : progress.events) {
    if (const auto* finished = std::get_if<Finished>(&event)) {
      const auto timing = finished->timing;
      const auto reason = std::string(to_string(finished->reason));
      state.parts.sink->deliver(std::move(event));
      if (progress.cancel_attempt) {
        cancel_attempt(self);
      }
      end(self, reason, timing, true);
      return;
    }
    state.parts.sink->deliver(std::move(event));
  }
}

void attach(Self self, const AttachSink& call) {
  auto& state = self->state;
  auto events = replay(state.record->account(), call.num_places);
  self->send(state.parts.company, RequestVisited{state.parts.id, events.has_value()});
  if (!events) {
    call.sink->deliver(Failed{std::move(events).error()});
    return;
  }
  state.parts.sink->deliver(
      Failed{Error{ErrorCode::cancelled, "another connection has taken the stream up", ""}});
  state.parts.sink = call.sink;
  for (auto& event : *events) {
    state.parts.sink->deliver(std::move(event));
  }
}

void set_deadline(Self self) {
  const auto& parts = self->state.parts;
  if (!parts.request->deadline) {
    return;
  }
  const auto left = parts.arrival + *parts.request->deadline - self->clock().now();
  if (left > Duration::zero()) {
    self->delayed_send(self, left, DeadlinePassed{});
  } else {
    self->send(self, DeadlinePassed{});
  }
}

}  // namespace

caf::behavior request_actor(Self self, RequestParts parts) {
  set_house_rules(self, RequestState::name);
  auto& state = self->state;
  state.parts = std::move(parts);
  state.record.emplace(state.parts.id, *state.parts.request, state.parts.tokenizer,
                       state.parts.arrival);
  set_deadline(self);
  auto prompt = std::shared_ptr<const Prompt>(state.parts.request, &state.parts.request->prompt);
  self->request(state.parts.text, kEncodePatience, EncodePrompt{std::move(prompt)})
      .then([self](EncodedPrompt& encoded) { begin(self, std::move(encoded.tokens)); },
            [self](const caf::error&) {
              end_with(self, Error{ErrorCode::internal, "the prompt could not be tokenised", ""});
            });
  return {
      [self](const RequestTokens& tokens) { take(self, tokens); },
      [self](const AttemptTaken& taken) {
        if (auto event = self->state.record->taken(taken.attempt)) {
          self->state.parts.sink->deliver(*std::move(event));
        }
      },
      [self](AttemptRefused& refused) {
        if (refused.attempt == self->state.record->attempt()) {
          end_with(self, std::move(refused.error));
        }
      },
      [self](const AttemptLost&) { enqueue(self); },
      [self](const Condemned&) {
        end_with(self, Error{ErrorCode::worker_lost,
                             "the engine crashed twice while it ran this request alone", ""});
      },
      [self](const RouterChanged& changed) {
        self->state.parts.router = changed.router;
        if (is_enqueued(self->state)) {
          enqueue(self);
        }
      },
      [self](const ArchiveChanged& changed) { self->state.parts.archive = changed.archive; },
      [self](const FetchRequest& call) {
        call.done(snapshot_of(self->state.record->account()));
        self->send(self->state.parts.company, RequestVisited{call.request, false});
      },
      [self](const AttachSink& call) { attach(self, call); },
      [self](const DeadlinePassed&) {
        cancel_attempt(self);
        end_with(self,
                 Error{ErrorCode::deadline_exceeded, "the request's deadline has passed", ""});
      },
      [self](const StopRequest&) {
        cancel_attempt(self);
        end_with(self, Error{ErrorCode::cancelled, "the request was cancelled", ""});
      },
  };
}

}  // namespace troupe
