// What a journal says: everything that went into the scheduler and the memory manager of an engine,
// and what came out of them. Inputs are values, so that they can be fed again; outputs are their
// images (see `image.h`), so that they can be compared.
//
// Two stations write into one journal. Each one's records come in its own order; how the two are
// mixed says nothing.
#pragma once

#include "engine/api/attempt.h"
#include "engine/api/engine_config.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/journal/end_reason.h"
#include "engine/memory/memory_manager.h"
#include "engine/step/step.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace troupe::journal {

/// A scheduler and a memory manager were made anew. First of all records of its ring.
struct RingBegan {
  RingNumber ring;
  EngineConfig engine;
  MemoryConfig memory;
  std::vector<std::vector<RequestId>> suspects;  // see `Scheduler`
};

// ---- into the scheduler

struct Enqueued {
  RingNumber ring;
  TimePoint now;
  EnqueuedRequest request;
};

struct Cancelled {
  RingNumber ring;
  RequestId request;
};

/// It was asked for a proposal. `Proposed` follows if it made one.
struct Asked {
  RingNumber ring;
  TimePoint now;
};

/// A grant came: the one that the memory manager of ring `of_ring` settled in `step`.
struct GrantArrived {
  RingNumber ring;
  RingNumber of_ring;
  StepNumber step;
};

/// A result came. Log-probabilities are left out: nothing is decided by them.
struct ResultArrived {
  RingNumber ring;
  StepResult result;
};

// ---- out of the scheduler

struct Proposed {
  RingNumber ring;
  std::string image;
};

/// A request was turned away, when it was enqueued or by the last proposal.
struct Refused {
  RingNumber ring;
  RequestId request;
  AttemptNumber attempt;
  ErrorCode code = ErrorCode::internal;
};

// ---- out of the memory manager, whose input is what the scheduler proposed

struct Settled {
  RingNumber ring;
  StepNumber step;
  std::string grant;  // images
  std::string plan;   // empty: none was made
};

/// The journal was closed. The last record; a journal without it was cut off by a crash, or is
/// still being written.
struct Ended {
  EndReason reason = EndReason::stopped;
};

using Record = std::variant<RingBegan,
                            Enqueued,
                            Cancelled,
                            Asked,
                            GrantArrived,
                            ResultArrived,
                            Proposed,
                            Refused,
                            Settled,
                            Ended>;

}  // namespace troupe::journal
