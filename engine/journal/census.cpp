#include "engine/journal/census.h"

namespace troupe::journal {

std::string_view name_of(Fate fate) {
  switch (fate) {
    case Fate::live:
      return "live";
    case Fate::finished:
      return "finished";
    case Fate::cancelled:
      return "cancelled";
    case Fate::refused:
      return "refused";
  }
  return "";
}

void Census::take(const Record& record, const Turn& turn) {
  if (const auto* enqueued = std::get_if<Enqueued>(&record)) {
    enqueue(enqueued->request);
  } else if (const auto* cancelled = std::get_if<Cancelled>(&record)) {
    const auto found = requests_.find(cancelled->request);
    if (found != requests_.end() && found->second.fate == Fate::live) {
      found->second.fate = Fate::cancelled;
    }
  }
  for (const auto& rejection : turn.rejections) {
    requests_[rejection.request].fate = Fate::refused;
  }
  for (const auto& tokens : turn.outcome.tokens) {
    hear(tokens);
  }
}

void Census::enqueue(const EnqueuedRequest& request) {
  auto& entry = requests_[request.request];
  entry.arrival = request.arrival;
  entry.num_prompt_tokens = request.num_prompt_tokens;
  entry.num_output_tokens =
      static_cast<std::int32_t>(request.tokens.size()) - request.num_prompt_tokens;
  entry.attempt = request.attempt;
  entry.fate = Fate::live;
}

void Census::hear(const RequestTokens& tokens) {
  auto& entry = requests_[tokens.request];
  ++entry.num_output_tokens;
  entry.num_preemptions = tokens.num_preemptions;
  if (tokens.finished) {
    entry.fate = Fate::finished;
  }
}

}  // namespace troupe::journal
