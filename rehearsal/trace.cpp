#include "rehearsal/trace.h"

#include "actors/caf_door.h"
#include "actors/messages.h"

#include <array>
#include <chrono>
#include <string_view>
#include <utility>

namespace troupe::rehearsal {
namespace {

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

std::string describe(const StepProposal& proposal) {
  auto line = "ring " + number(proposal.ring.value) + " step " + number(proposal.step.value) + ":";
  for (const auto& one : proposal.candidates) {
    line += one.admission ? " enter " + number(one.sequence.value) + "=request " +
                                number(one.admission->request.value)
                          : " run " + number(one.sequence.value);
    line += " seat " + std::to_string(one.seat) + " [" + std::to_string(one.begin) + ",+" +
            std::to_string(one.num_tokens) + ") of " + std::to_string(one.known) + ";";
    line += one.displaces ? " displacing " + number(one.displaces->value) + ";" : "";
  }
  for (const auto sequence : proposal.releases) {
    line += " release " + number(sequence.value) + ";";
  }
  for (const auto sequence : proposal.victims) {
    line += " victim " + number(sequence.value) + ";";
  }
  return line + " admissions " + std::to_string(proposal.max_admission_tokens) + " headroom " +
         std::to_string(proposal.num_headroom_blocks);
}

std::string describe(const StepGranted& granted) {
  auto line = "ring " + number(granted.ring.value) + " step " + number(granted.step.value) + ":";
  for (const auto& row : granted.rows) {
    line += " row " + number(row.sequence.value) + " [" + std::to_string(row.begin) + "," +
            std::to_string(row.end) + ")" + (row.samples ? " samples;" : ";");
  }
  for (const auto sequence : granted.deferred) {
    line += " deferred " + number(sequence.value) + ";";
  }
  for (const auto sequence : granted.awaiting) {
    line += " awaiting " + number(sequence.value) + ";";
  }
  for (const auto sequence : granted.preempted) {
    line += " preempted " + number(sequence.value) + ";";
  }
  return line + " free " + std::to_string(granted.num_free_blocks) + " cached " +
         std::to_string(granted.num_cached_blocks);
}

std::string describe(const StepPlan& plan) {
  auto line = "ring " + number(plan.ring.value) + " step " + number(plan.step.value) + ":";
  for (const auto& growth : plan.table_growth) {
    line += " seat " + std::to_string(growth.seat) + " +";
    for (const auto block : growth.blocks) {
      line += " " + std::to_string(block.value);
    }
    line += ";";
  }
  for (const auto& row : plan.rows) {
    line += " row " + std::to_string(row.seat) + " [" + std::to_string(row.begin) + "," +
            std::to_string(row.end) + ");";
  }
  for (const auto& copy : plan.copies) {
    line += " copy " + std::to_string(copy.from.value) + "→" + std::to_string(copy.to.value) + ";";
  }
  for (const auto& swap : plan.swaps_out) {
    line += " out " + std::to_string(swap.block.value) + ";";
  }
  for (const auto& swap : plan.swaps_in) {
    line += " in " + std::to_string(swap.block.value) + ";";
  }
  return line;
}

std::string describe(const StepResult& result) {
  auto line = "ring " + number(result.ring.value) + " step " + number(result.step.value) + ":";
  for (const auto& token : result.tokens) {
    line += " " + number(token.sequence.value) + "@" + std::to_string(token.position) + "=" +
            std::to_string(token.token) + ";";
  }
  return line;
}

std::string describe(const RequestTokens& tokens) {
  return "request " + number(tokens.request.value) + " attempt " + number(tokens.attempt.value) +
         " @" + std::to_string(tokens.position) + "=" + std::to_string(tokens.token) +
         (tokens.finished ? " last" : "");
}

std::string describe(const EnqueueAttempt& attempt) {
  return "request " + number(attempt.request.request.value) + " attempt " +
         number(attempt.request.attempt.value) + " with " +
         std::to_string(attempt.request.tokens.size()) + " tokens";
}

template <class Message>
bool matches(const caf::type_erased_tuple& content) {
  return content.match_elements<Message>();
}

#define TROUPE_NAMED(type) \
  { matches<type>, #type }

// Of the messages that are no more than a name here.
std::string name_of(const caf::type_erased_tuple& content) {
  using Row = std::pair<bool (*)(const caf::type_erased_tuple&), std::string_view>;
  static constexpr std::array kRows{
      Row TROUPE_NAMED(Submit),          Row TROUPE_NAMED(Generate),
      Row TROUPE_NAMED(CancelRequest),   Row TROUPE_NAMED(CancelAttempt),
      Row TROUPE_NAMED(AttemptTaken),    Row TROUPE_NAMED(AttemptRefused),
      Row TROUPE_NAMED(StepTokens),      Row TROUPE_NAMED(LoadReport),
      Row TROUPE_NAMED(EngineReady),     Row TROUPE_NAMED(EngineDown),
      Row TROUPE_NAMED(CondemnRequests), Row TROUPE_NAMED(WaitForOldest),
      Row TROUPE_NAMED(WorkerReady),     Row TROUPE_NAMED(BeginRing),
      Row TROUPE_NAMED(RingBegun),       Row TROUPE_NAMED(WorkerFailed),
      Row TROUPE_NAMED(StepCompleted),   Row TROUPE_NAMED(SuspectsCleared),
      Row TROUPE_NAMED(StopRequest),     Row TROUPE_NAMED(AttemptLost),
      Row TROUPE_NAMED(Condemned),       Row TROUPE_NAMED(RouterChanged),
      Row TROUPE_NAMED(ArchiveChanged),  Row TROUPE_NAMED(DeadlinePassed),
      Row TROUPE_NAMED(DrainRouter),     Row TROUPE_NAMED(ArchiveAccount),
      Row TROUPE_NAMED(ExpireAccounts),  Row TROUPE_NAMED(FetchRequest),
      Row TROUPE_NAMED(AttachSink),      Row TROUPE_NAMED(EncodePrompt),
      Row TROUPE_NAMED(EncodedPrompt),   Row TROUPE_NAMED(Drain),
      Row TROUPE_NAMED(StepCounted),     Row TROUPE_NAMED(RequestCounted),
      Row TROUPE_NAMED(RequestEvent),    Row TROUPE_NAMED(caf::down_msg),
      Row TROUPE_NAMED(caf::exit_msg)};
  for (const auto& [is_it, name] : kRows) {
    if (is_it(content)) {
      return std::string(name);
    }
  }
  return content.stringify();
}

#undef TROUPE_NAMED

template <class Message>
bool describe_as(const caf::type_erased_tuple& content, std::string& line) {
  if (!content.match_elements<Message>()) {
    return false;
  }
  if constexpr (requires(const Message& message) { *message; }) {
    line = describe(*content.get_as<Message>(0));
  } else {
    line = describe(content.get_as<Message>(0));
  }
  return true;
}

std::string what(const caf::type_erased_tuple& content) {
  std::string line;
  if (describe_as<ProposalPtr>(content, line)) {
    return "proposal " + line;
  }
  if (describe_as<GrantedPtr>(content, line)) {
    return "grant " + line;
  }
  if (describe_as<PlanPtr>(content, line)) {
    return "plan " + line;
  }
  if (describe_as<ResultPtr>(content, line)) {
    return "result " + line;
  }
  if (describe_as<RequestTokens>(content, line)) {
    return "token " + line;
  }
  if (describe_as<EnqueueAttempt>(content, line)) {
    return "enqueue " + line;
  }
  return name_of(content);
}

}  // namespace

std::string trace_line(TimePoint now,
                       const caf::scheduled_actor& receiver,
                       const caf::type_erased_tuple& content) {
  const auto us =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  return std::to_string(us) + " " + receiver.name() + "#" + std::to_string(receiver.id()) + " ← " +
         what(content);
}

}  // namespace troupe::rehearsal
