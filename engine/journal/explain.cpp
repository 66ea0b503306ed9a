#include "engine/journal/explain.h"

#include <algorithm>
#include <utility>

namespace troupe::journal {
namespace {

std::optional<TimePoint> time_of(const Record& record) {
  if (const auto* enqueued = std::get_if<Enqueued>(&record)) {
    return std::min(enqueued->now, enqueued->request.arrival);
  }
  const auto* asked = std::get_if<Asked>(&record);
  return asked == nullptr ? std::nullopt : std::optional(asked->now);
}

}  // namespace

Result<Explanation> explain(std::istream& in, std::optional<RequestId> request) {
  auto story = request ? std::optional(Story(*request)) : std::nullopt;
  Census census;
  std::optional<TimePoint> origin;
  auto report = replay(in, [&](const Record& record, const Turn& turn, const Replay& replaying) {
    origin = origin ? origin : time_of(record);
    census.take(record, turn);
    if (story) {
      story->take(record, turn, replaying);
    }
  });
  if (!report) {
    return pass(std::move(report));
  }
  Explanation explanation;
  explanation.lines = story ? story->lines() : std::vector<StoryLine>();
  explanation.requests = census.requests();
  explanation.origin = origin.value_or(TimePoint{});
  for (const auto& [known, entry] : explanation.requests) {
    explanation.origin = std::min(explanation.origin, entry.arrival);
  }
  explanation.replay = *std::move(report);
  return explanation;
}

}  // namespace troupe::journal
