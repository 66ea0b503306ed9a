// The mailbox round a device: enqueues every plan at once, waits for the oldest, and passes its
// result on. Has a thread of its own, since waiting for a device blocks.
#pragma once

#include "actors/caf_compat.h"
#include "actors/messages.h"
#include "engine/step/backend.h"

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

namespace troupe {

struct WorkerState {
  std::unique_ptr<Backend> backend;
  caf::actor engine;
  caf::actor scheduler;
  RingNumber ring;
  std::deque<PlanPtr> pending;                        // enqueued on the device, oldest first
  std::unordered_map<std::int32_t, RequestId> seats;  // who sits where, by the plans seen so far
  bool failed = false;                                // this ring is lost, another must begin
  static inline const char* name = "worker";
};

caf::behavior worker_actor(caf::stateful_actor<WorkerState>* self,
                           const BackendFactory& factory,
                           caf::actor engine);

}  // namespace troupe
