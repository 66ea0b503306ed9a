#include "actors/memory_manager_actor.h"

#include <utility>

namespace troupe {
namespace {

using Self = caf::stateful_actor<MemoryManagerState>*;

void count(Self self) {
  auto& state = self->state;
  const auto& now = state.memory->statistics();
  if (now.num_queried_tokens == state.reported.num_queried_tokens) {
    return;
  }
  self->send(state.parts.telemetry,
             PrefixCacheCounted{state.parts.engine,
                                now.num_queried_tokens - state.reported.num_queried_tokens,
                                now.num_hit_tokens - state.reported.num_hit_tokens});
  state.reported = now;
}

}  // namespace

caf::behavior memory_manager_actor(Self self, MemoryManagerParts parts) {
  set_house_rules(self, MemoryManagerState::name);
  self->state.memory.emplace(parts.config, parts.ring);
  self->state.tap = JournalTap(parts.journal, parts.ring);
  self->state.parts = std::move(parts);
  return {
      [self](const ProposalPtr& proposal) {
        auto settled = self->state.memory->settle(*proposal);
        const PlanPtr plan = std::move(settled.plan);
        const auto granted = std::make_shared<const StepGranted>(std::move(settled.granted));
        if (plan) {
          self->send(self->state.parts.worker, plan);
        }
        self->send(caf::actor_cast<caf::actor>(self->current_sender()), granted);
        count(self);
        self->state.tap.note([&](auto& recorder) { recorder.settled(*granted, plan.get()); });
        self->state.tap.hand_over(self);
      },
      [self](const JournalWritten& written) { self->state.tap.take_receipt(written); },
      [self](const JournalStopped&) { self->state.tap.stop(); },
  };
}

}  // namespace troupe
