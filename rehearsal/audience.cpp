#include "rehearsal/audience.h"

#include "engine/base/random.h"

#include <algorithm>
#include <utility>

namespace troupe::rehearsal {
namespace {

std::string name_of(const Client& client) {
  return "request " + std::to_string(client.id.value);
}

template <class Range>
bool begins_with(const Range& whole, const Range& part) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

Sight sight_of(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::length:
      return Sight::finished_by_length;
    case AnswerEnd::token:
      return Sight::finished_by_token;
    case AnswerEnd::string:
      return Sight::finished_by_string;
  }
  return Sight::finished_by_length;
}

std::optional<Sight> sight_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::never_fits:
      return Sight::never_fits;
    case ErrorCode::context_length_exceeded:
      return Sight::too_long;
    case ErrorCode::queue_full:
      return Sight::queue_full;
    case ErrorCode::draining:
      return Sight::refused_draining;
    case ErrorCode::worker_lost:
      return Sight::condemned;
    case ErrorCode::unhealthy:
      return Sight::given_up;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool Client::was_accepted() const {
  return std::ranges::any_of(connections,
                             [](const Connection& one) { return one.heard.num_accepted > 0; });
}

bool Client::has_ended() const {
  return std::ranges::any_of(connections, [](const Connection& one) {
    return one.heard.num_ends() > 0 && !one.is_replaced;
  });
}

std::size_t Client::num_heard_tokens() const {
  std::size_t most = 0;
  for (const auto& connection : connections) {
    most = std::max(most, connection.heard.tokens.size());
  }
  return most;
}

class Audience::ClientSink : public EventSink {
 public:
  ClientSink(Audience& audience, Client& client, std::size_t connection)
      : audience_(audience), client_(client), connection_(connection) {}

  void deliver(Event event) noexcept override {
    audience_.hear(client_, connection_, std::move(event));
  }

 private:
  Audience& audience_;
  Client& client_;
  std::size_t connection_;
};

Audience::Audience(const Play& play, std::function<TimePoint()> now)
    : play_(play), now_(std::move(now)) {}

Client& Audience::arrive(const PlannedRequest& planned) {
  auto& client = clients_.emplace_back();
  client.planned = &planned;
  client.arrival = now_();
  // Whether it must be refused can be said without its seed.
  client.expected = expected_of(planned.request, 0, play_);
  return client;
}

void Audience::name(Client& client, RequestId id, std::uint64_t seed_of_company) {
  client.id = id;
  client.arrival = now_();
  by_id_[id] = &client;
  const auto& request = client.planned->request;
  const auto seed = request.sampling.seed.value_or(random_bits(seed_of_company, id.value));
  client.expected = expected_of(request, seed, play_);
}

std::shared_ptr<EventSink> Audience::connect(Client& client) {
  auto& connection = client.connections.emplace_back();
  connection.is_first = client.connections.size() == 1;
  return std::make_shared<ClientSink>(*this, client, client.connections.size() - 1);
}

void Audience::hear(Client& client, std::size_t connection, Event event) noexcept {
  ++progress_;
  auto& one = client.connections[connection];
  one.heard.hear(std::move(event));
  if (broken_) {
    return;
  }
  try {
    check_stream(client, one);
  } catch (const Violation& violation) {
    broken_ = violation;
  }
}

Client* Audience::find(RequestId id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void Audience::check() const {
  if (broken_) {
    throw *broken_;
  }
}

void Audience::check_stream(const Client& client, const Connection& connection) const {
  const auto& heard = connection.heard;
  const auto& expected = client.expected;
  TROUPE_PROMISE(!heard.after_end, "I14 one end", name_of(client) + " hears more after its end");
  TROUPE_PROMISE(heard.num_accepted <= 1, "I14 one end",
                 name_of(client) + " is accepted more than once");
  if (!heard.failed.empty()) {
    check_failed(client, connection);
  }
  if (client.id == RequestId{}) {
    return;  // taken when the curtain had fallen: nobody noted its number, hence its seed
  }
  TROUPE_PROMISE(
      begins_with(expected.output, heard.tokens), "I16 same tokens",
      name_of(client) + " hears a wrong token, as number " + std::to_string(heard.tokens.size()));
  TROUPE_PROMISE(
      begins_with(expected.text, heard.text), "I15 text of the tokens",
      name_of(client) + " sees \"" + heard.text + "\" instead of \"" + expected.text + "\"");
  if (!heard.finished.empty()) {
    check_finished(client, heard);
  }
}

void Audience::check_finished(const Client& client, const Heard& heard) const {
  const auto& expected = client.expected;
  const auto& finished = heard.finished.back();
  TROUPE_PROMISE(!expected.refusal, "I11 refused at the door",
                 name_of(client) + " was served, and had to be refused");
  TROUPE_PROMISE(heard.num_accepted == 1, "I14 one end",
                 name_of(client) + " finishes and was never accepted");
  TROUPE_PROMISE(heard.tokens == expected.output, "I16 same tokens",
                 name_of(client) + " ends after " + std::to_string(heard.tokens.size()) +
                     " tokens instead of " + std::to_string(expected.output.size()));
  TROUPE_PROMISE(heard.text == expected.text, "I15 text of the tokens",
                 name_of(client) + " ends with other text");
  TROUPE_PROMISE(finished.reason == expected.reason(), "I14 reason of the end",
                 name_of(client) + " ends for the wrong reason");
  TROUPE_PROMISE(finished.usage.num_prompt_tokens == expected.num_prompt_tokens &&
                     finished.usage.num_output_tokens == expected.num_output_tokens &&
                     finished.usage.num_cached_tokens < std::max(expected.num_prompt_tokens, 1),
                 "I15 usage", name_of(client) + " is charged for other tokens than it got");
}

void Audience::check_failed(const Client& client, const Connection& connection) const {
  const auto& error = connection.heard.failed.back().error;
  TROUPE_PROMISE(
      excused(client, connection, error.code), "I14 reason of the end",
      name_of(client) + " fails with " + std::string(to_string(error.code)) + ": " + error.message);
}

bool Audience::excused(const Client& client, const Connection& connection, ErrorCode code) const {
  const auto& request = client.planned->request;
  const auto never_accepted = !client.was_accepted();
  switch (code) {
    case ErrorCode::cancelled:
      return client.is_cancelled || excuses.curtain || connection.is_replaced;
    case ErrorCode::internal:
      return client.is_killed || (excuses.text_died && never_accepted);
    case ErrorCode::worker_lost:
      return client.planned->is_poisonous || play_.is_hopeless;
    case ErrorCode::unhealthy:
      return play_.is_hopeless;
    case ErrorCode::never_fits:
    case ErrorCode::context_length_exceeded:
      return client.expected.refusal == code && never_accepted;
    case ErrorCode::queue_full:
      return never_accepted && std::ssize(play_.requests) > play_.engine.max_num_queued_requests;
    case ErrorCode::draining:
      return never_accepted && excuses.draining;
    case ErrorCode::deadline_exceeded:
      return request.deadline.has_value() &&
             (play_.engine.scheduling.policy == SchedulingPolicy::deadline ||
              now_() >= client.arrival + *request.deadline);
    case ErrorCode::not_found:
      return !connection.is_first;  // its result is kept no longer
    default:
      return false;
  }
}

void Audience::check_ends(Sightings& sightings) const {
  for (const auto& client : clients_) {
    if (client.has_left) {
      continue;
    }
    for (const auto& connection : client.connections) {
      TROUPE_PROMISE(
          connection.heard.num_ends() == 1, "L1 everybody ends",
          name_of(client) + " has heard " + std::to_string(connection.heard.num_ends()) + " ends");
    }
    const auto& heard = client.heard();
    if (!heard.finished.empty()) {
      sightings.see(sight_of(client.expected.end));
      continue;
    }
    const auto& error = heard.failed.back().error;
    if (const auto sight = sight_of(error.code)) {
      sightings.see(*sight);
    } else if (error.code == ErrorCode::deadline_exceeded) {
      const auto passed = now_() >= client.arrival + *client.planned->request.deadline;
      sightings.see(passed ? Sight::deadline_passed : Sight::deadline_hopeless);
    }
  }
}

void Audience::check_all_told() const {
  for (const auto& client : clients_) {
    for (const auto& connection : client.connections) {
      const auto& heard = connection.heard;
      TROUPE_PROMISE(client.has_left || heard.num_accepted == 0 || heard.num_ends() == 1,
                     "I14 one end",
                     name_of(client) + " was accepted and never heard that all is over");
    }
  }
}

void Audience::look_at(const Client& client, const RequestSnapshot& snapshot) noexcept {
  try {
    const auto& told = snapshot.output.tokens;
    TROUPE_PROMISE(begins_with(client.expected.output, told) &&
                       begins_with(client.expected.text, snapshot.output.text),
                   "I16 same tokens", name_of(client) + " is told to stand where it does not");
    TROUPE_PROMISE(snapshot.phase != RequestPhase::finished || told == client.expected.output,
                   "I16 same tokens", name_of(client) + " is told to have finished");
  } catch (const Violation& violation) {
    broken_ = broken_ ? broken_ : violation;
  }
}

// What a listener has to hear may still be on its way; and who takes up a stream again may do so as
// the last request ends: the company has not seen him yet, and serves him as it does after a drain.
void Audience::look_at(std::int32_t num_left) noexcept {
  const auto waits = [](const Client& client) {
    return client.was_accepted() && !client.has_ended() && client.listener == nullptr &&
           client.connections.size() == 1;
  };
  const auto num_waiting = std::ranges::count_if(clients_, waits);
  if (num_waiting > num_left && !broken_) {
    broken_ = Violation("L5 drain ends", std::to_string(num_waiting) +
                                             " clients wait for their end, and the company says " +
                                             std::to_string(num_left));
  }
}

}  // namespace troupe::rehearsal
