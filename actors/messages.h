// Every message of the house, grouped by the arrow it travels on. What crosses an engine's border
// is a serialisable value and stands in the first part; what stays within a process is shared.
#pragma once

#include "actors/caf_compat.h"
#include "actors/wire.h"
#include "engine/api/attempt.h"
#include "engine/api/event.h"
#include "engine/api/request.h"
#include "engine/api/service.h"
#include "engine/api/statistics.h"
#include "engine/base/result.h"
#include "engine/gateway/request_account.h"
#include "engine/journal/end_reason.h"
#include "engine/step/backend.h"
#include "engine/step/step.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

// ---- across an engine's border
// -------------------------------------------------------------------

/// request → router → scheduler: run this. Answered by `AttemptTaken` or `AttemptRefused`.
struct EnqueueAttempt {
  EnqueuedRequest request;
};

/// request → router → scheduler: stop. Never overtakes the `EnqueueAttempt` it belongs to.
struct CancelAttempt {
  RequestId request;
};

/// scheduler → router → request: the attempt waits for its turn.
struct AttemptTaken {
  RequestId request;
  AttemptNumber attempt;
};

/// scheduler or router → request: the attempt will not run.
struct AttemptRefused {
  RequestId request;
  AttemptNumber attempt;
  Error error;
};

/// scheduler → router: all tokens of one step, and how the engine is after it.
struct StepTokens {
  EngineStatus load;
  std::vector<RequestTokens> tokens;
};

/// scheduler → router: how the engine is when a turn ended without a step.
struct LoadReport {
  EngineStatus load;
};

/// engine → router: a ring has begun; its scheduler takes requests.
struct EngineReady {
  EngineStatus status;
  caf::actor scheduler;
};

/// engine → router: the ring is lost and so are its requests; another begins, or none ever will.
struct EngineDown {
  EngineId engine;
  EngineHealth health = EngineHealth::restarting;
  std::uint32_t num_restarts = 0;
};

/// engine → router: these requests crashed the worker whenever they ran alone.
struct CondemnRequests {
  std::vector<RequestId> requests;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EnqueueAttempt& x) {
  return f(caf::meta::type_name("EnqueueAttempt"), x.request);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CancelAttempt& x) {
  return f(caf::meta::type_name("CancelAttempt"), x.request);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AttemptTaken& x) {
  return f(caf::meta::type_name("AttemptTaken"), x.request, x.attempt);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AttemptRefused& x) {
  return f(caf::meta::type_name("AttemptRefused"), x.request, x.attempt, x.error);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StepTokens& x) {
  return f(caf::meta::type_name("StepTokens"), x.load, x.tokens);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LoadReport& x) {
  return f(caf::meta::type_name("LoadReport"), x.load);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EngineReady& x) {
  return f(caf::meta::type_name("EngineReady"), x.status, x.scheduler);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EngineDown& x) {
  return f(caf::meta::type_name("EngineDown"), x.engine, x.health, x.num_restarts);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CondemnRequests& x) {
  return f(caf::meta::type_name("CondemnRequests"), x.requests);
}

// ---- within an engine: the ring
// ------------------------------------------------------------------

using ProposalPtr = std::shared_ptr<const StepProposal>;  // scheduler → memory manager
using GrantedPtr = std::shared_ptr<const StepGranted>;    // memory manager → scheduler
using PlanPtr = std::shared_ptr<const StepPlan>;          // memory manager → worker
using ResultPtr = std::shared_ptr<const StepResult>;      // worker → scheduler

/// worker → itself: wait for the oldest plan. Queued behind the plans that are there already.
struct WaitForOldest {};

// ---- within an engine: supervision
// ---------------------------------------------------------------

/// worker → engine: the backend was made, or could not be.
struct WorkerReady {
  Result<BackendDescription> description;
};

/// engine → worker: finish what you do, forget all sequences, and serve this ring from now on.
struct BeginRing {
  RingNumber ring;
  caf::actor scheduler;
};

/// worker → engine.
struct RingBegun {
  RingNumber ring;
};

/// worker → engine: a step failed. `requests`: those that were in it.
struct WorkerFailed {
  RingNumber ring;
  std::vector<RequestId> requests;
  bool worker_dies = false;  // then its down message begins the new ring
};

/// scheduler → engine, once a ring: a step came to its end, so the ring works.
struct StepCompleted {
  RingNumber ring;
};

/// scheduler → engine.
struct SuspectsCleared {
  std::vector<RequestId> requests;
};

/// scheduler, memory manager, engine → journal: append these.
struct JournalBytes {
  std::shared_ptr<const std::string> bytes;
  std::int64_t num_receipt_bytes = 0;  // to be confirmed by `JournalWritten`; 0: nothing is
};

/// journal → sender of `JournalBytes`.
struct JournalWritten {
  std::int64_t num_bytes = 0;
};

/// journal → sender of `JournalBytes`: they were not taken, and no more will be.
struct JournalStopped {};

/// scheduler, memory manager → journal; journal → itself: close the file.
struct EndJournal {
  journal::EndReason reason = journal::EndReason::stopped;
};

/// journal → engine, once: the file was made, or could not be.
struct JournalOpened {
  Result<void> outcome;
};

/// anybody → engine, answered by `EngineParts`: who the parts are. For tests and inspection.
struct WhoIsThere {};

struct EngineParts {
  RingNumber ring;
  caf::actor scheduler;
  caf::actor memory_manager;
  caf::actor worker;
};

// ---- within the gateway
// --------------------------------------------------------------------------

/// company → request: the client wants no more.
struct StopRequest {};

/// router → request: the engine lost the attempt; make the next one.
struct AttemptLost {};

/// router → request: no engine will run it again.
struct Condemned {};

/// company → request, engine: the router died; this is the new one.
struct RouterChanged {
  caf::actor router;
};

/// company → request: the archive died; this is the new one.
struct ArchiveChanged {
  caf::actor archive;
};

/// request → itself: its client's patience has ended.
struct DeadlinePassed {};

/// company → router: refuse requests that were not accepted yet.
struct DrainRouter {};

/// request, company → archive: a request has ended; keep what there is to tell of it.
struct ArchiveAccount {
  std::shared_ptr<const RequestAccount> account;
  Duration retain{};
};

/// archive → itself: accounts are due.
struct ExpireAccounts {
  TimePoint due;
};

/// door → company → request or archive: tell how a request stands; `done` is called there.
struct FetchRequest {
  RequestId request;
  std::function<void(Result<RequestSnapshot>)> done;
};

/// door → company → request or archive: a request's events go to `sink`, beginning after
/// `num_places`.
struct AttachSink {
  RequestId request;
  std::int32_t num_places = 0;
  std::shared_ptr<EventSink> sink;
};

/// request → company: the oldest `FetchRequest` or `AttachSink` it was sent is done.
struct RequestVisited {
  RequestId request;
  bool sink_replaced = false;  // the old sink has heard its end
};

/// archive → company: likewise.
struct ArchiveVisited {};

/// request → text, answered by `EncodedPrompt`.
struct EncodePrompt {
  std::shared_ptr<const Prompt> prompt;
};

struct EncodedPrompt {
  Result<std::vector<TokenId>> tokens;
};

/// company → text; `done` is called there.
struct Tokenize {
  Prompt prompt;
  std::function<void(Result<std::vector<TokenId>>)> done;
};

struct Detokenize {
  std::vector<TokenId> tokens;
  std::function<void(Result<std::string>)> done;
};

/// engine → company.
struct EngineStarted {
  EngineId engine;
};

struct EngineStartFailed {
  EngineId engine;
  Error error;
};

// ---- from the doors to the company
// ---------------------------------------------------------------

struct Submit {
  RequestId id;
  std::shared_ptr<const GenerateRequest> request;
  std::shared_ptr<EventSink> sink;
  TimePoint arrival;
};

/// Answered by `Ready` when all engines have started, or one could not.
struct WaitUntilReady {};

struct Ready {
  Result<void> outcome;
};

/// Answered by `Drained` when no request is left, or after `patience`.
struct Drain {
  Duration patience{};
};

struct Drained {
  std::int32_t num_left = 0;
};

struct DrainTimeout {};

struct AskStatus {
  std::function<void(ServiceStatus)> done;
};

struct AskMetrics {
  std::function<void(std::string)> done;
};

// ---- to telemetry
// --------------------------------------------------------------------------------

/// scheduler → telemetry, once a step.
struct StepCounted {
  EngineStatus load;
  std::int32_t num_sequences = 0;
  std::int32_t num_tokens = 0;
  std::int32_t num_sampled = 0;
  std::int32_t num_preempted = 0;
  Duration device_time{};
};

/// memory manager → telemetry, when an admission looked into the prefix cache.
struct PrefixCacheCounted {
  EngineId engine;
  std::int64_t num_queried_tokens = 0;  // since the last such message
  std::int64_t num_hit_tokens = 0;
};

/// request → telemetry, at its end.
struct RequestCounted {
  Usage usage;
  Timing timing;
  std::string outcome;  // the finish reason or the error's code
  bool finished = false;
};

/// engine, company → telemetry.
struct RestartCounted {
  std::string actor;
};

}  // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe, caf::first_custom_type_id)

CAF_ADD_TYPE_ID(troupe, (troupe::EnqueueAttempt))
CAF_ADD_TYPE_ID(troupe, (troupe::CancelAttempt))
CAF_ADD_TYPE_ID(troupe, (troupe::AttemptTaken))
CAF_ADD_TYPE_ID(troupe, (troupe::AttemptRefused))
CAF_ADD_TYPE_ID(troupe, (troupe::StepTokens))
CAF_ADD_TYPE_ID(troupe, (troupe::LoadReport))
CAF_ADD_TYPE_ID(troupe, (troupe::EngineReady))
CAF_ADD_TYPE_ID(troupe, (troupe::EngineDown))
CAF_ADD_TYPE_ID(troupe, (troupe::CondemnRequests))

CAF_END_TYPE_ID_BLOCK(troupe)

#define TROUPE_IN_PROCESS(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)

TROUPE_IN_PROCESS(troupe::ProposalPtr)
TROUPE_IN_PROCESS(troupe::GrantedPtr)
TROUPE_IN_PROCESS(troupe::PlanPtr)
TROUPE_IN_PROCESS(troupe::ResultPtr)
TROUPE_IN_PROCESS(troupe::WaitForOldest)
TROUPE_IN_PROCESS(troupe::WorkerReady)
TROUPE_IN_PROCESS(troupe::BeginRing)
TROUPE_IN_PROCESS(troupe::RingBegun)
TROUPE_IN_PROCESS(troupe::WorkerFailed)
TROUPE_IN_PROCESS(troupe::StepCompleted)
TROUPE_IN_PROCESS(troupe::SuspectsCleared)
TROUPE_IN_PROCESS(troupe::JournalBytes)
TROUPE_IN_PROCESS(troupe::JournalWritten)
TROUPE_IN_PROCESS(troupe::JournalStopped)
TROUPE_IN_PROCESS(troupe::EndJournal)
TROUPE_IN_PROCESS(troupe::JournalOpened)
TROUPE_IN_PROCESS(troupe::WhoIsThere)
TROUPE_IN_PROCESS(troupe::EngineParts)
TROUPE_IN_PROCESS(troupe::StopRequest)
TROUPE_IN_PROCESS(troupe::RequestTokens)
TROUPE_IN_PROCESS(troupe::AttemptLost)
TROUPE_IN_PROCESS(troupe::Condemned)
TROUPE_IN_PROCESS(troupe::RouterChanged)
TROUPE_IN_PROCESS(troupe::ArchiveChanged)
TROUPE_IN_PROCESS(troupe::DeadlinePassed)
TROUPE_IN_PROCESS(troupe::DrainRouter)
TROUPE_IN_PROCESS(troupe::ArchiveAccount)
TROUPE_IN_PROCESS(troupe::ExpireAccounts)
TROUPE_IN_PROCESS(troupe::FetchRequest)
TROUPE_IN_PROCESS(troupe::AttachSink)
TROUPE_IN_PROCESS(troupe::RequestVisited)
TROUPE_IN_PROCESS(troupe::ArchiveVisited)
TROUPE_IN_PROCESS(troupe::EncodePrompt)
TROUPE_IN_PROCESS(troupe::EncodedPrompt)
TROUPE_IN_PROCESS(troupe::Tokenize)
TROUPE_IN_PROCESS(troupe::Detokenize)
TROUPE_IN_PROCESS(troupe::EngineStarted)
TROUPE_IN_PROCESS(troupe::EngineStartFailed)
TROUPE_IN_PROCESS(troupe::Submit)
TROUPE_IN_PROCESS(troupe::WaitUntilReady)
TROUPE_IN_PROCESS(troupe::Ready)
TROUPE_IN_PROCESS(troupe::Drain)
TROUPE_IN_PROCESS(troupe::Drained)
TROUPE_IN_PROCESS(troupe::DrainTimeout)
TROUPE_IN_PROCESS(troupe::AskStatus)
TROUPE_IN_PROCESS(troupe::AskMetrics)
TROUPE_IN_PROCESS(troupe::StepCounted)
TROUPE_IN_PROCESS(troupe::PrefixCacheCounted)
TROUPE_IN_PROCESS(troupe::RequestCounted)
TROUPE_IN_PROCESS(troupe::RestartCounted)

#undef TROUPE_IN_PROCESS
