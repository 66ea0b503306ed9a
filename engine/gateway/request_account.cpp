#include "engine/gateway/request_account.h"

#include <utility>

namespace troupe {
namespace {

RequestPhase phase_of(const RequestAccount& account) {
  if (std::holds_alternative<Finished>(account.end)) {
    return RequestPhase::finished;
  }
  if (std::holds_alternative<Failed>(account.end)) {
    return RequestPhase::failed;
  }
  return account.usage.num_output_tokens > 0 ? RequestPhase::running : RequestPhase::queued;
}

}  // namespace

RequestSnapshot snapshot_of(const RequestAccount& account) {
  RequestSnapshot snapshot;
  snapshot.phase = phase_of(account);
  snapshot.model = account.model;
  snapshot.output = account.output.whole();
  snapshot.usage = account.usage;
  snapshot.timing = account.timing;
  if (const auto* finished = std::get_if<Finished>(&account.end)) {
    snapshot.finished = *finished;
  } else if (const auto* failed = std::get_if<Failed>(&account.end)) {
    snapshot.error = failed->error;
  }
  return snapshot;
}

Result<std::vector<Event>> replay(const RequestAccount& account, std::int32_t num_places) {
  auto rest = account.output.after(num_places);
  if (!rest) {
    return pass(std::move(rest));
  }
  std::vector<Event> events;
  if (account.accepted) {
    events.emplace_back(Accepted{account.usage.num_prompt_tokens, rest->skipped});
  }
  for (auto& delta : rest->deltas) {
    events.emplace_back(std::move(delta));
  }
  if (const auto* finished = std::get_if<Finished>(&account.end)) {
    events.emplace_back(*finished);
  } else if (const auto* failed = std::get_if<Failed>(&account.end)) {
    events.emplace_back(*failed);
  }
  return events;
}

std::size_t num_bytes(const RequestAccount& account) {
  auto bytes = sizeof(account) + account.model.size() + account.output.num_bytes();
  if (const auto* failed = std::get_if<Failed>(&account.end)) {
    bytes += failed->error.message.size();
  }
  return bytes;
}

}  // namespace troupe
