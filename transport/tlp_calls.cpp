#include "transport/tlp_calls.h"

#include "transport/tlp_codec.h"

#include <utility>

namespace troupe::transport {

bool TlpCalls::contains(std::string_view id) const {
  return by_id_.contains(id);
}

void TlpCalls::add(std::string id, Start start) {
  const auto tag = next_tag_++;
  by_id_.emplace(id, tag);
  calls_.emplace(tag, Call{std::move(id), std::move(start), {}, 0, 0, false, false});
}

std::optional<RequestId> TlpCalls::find(std::string_view id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    return std::nullopt;
  }
  return calls_.at(found->second).start.request;
}

std::vector<RequestId> TlpCalls::bound_requests() const {
  std::vector<RequestId> bound;
  for (const auto& [tag, call] : calls_) {
    if (call.start.tie == Tie::bound) {
      bound.push_back(call.start.request);
    }
  }
  return bound;
}

std::vector<RequestId> TlpCalls::requests() const {
  std::vector<RequestId> all;
  for (const auto& [tag, call] : calls_) {
    all.push_back(call.start.request);
  }
  return all;
}

void TlpCalls::put(std::uint64_t tag, Event event) {
  const auto found = calls_.find(tag);
  if (found == calls_.end()) {
    return;
  }
  auto& call = found->second;
  held_bytes_ -= call.choice.held_bytes();
  call.choice.put(std::move(event));
  held_bytes_ += call.choice.held_bytes();
  if (!std::exchange(call.has_news, true)) {
    news_.push_back(tag);
  }
}

std::size_t TlpCalls::append_lines(std::string& out, std::size_t max_bytes) {
  std::size_t num_ended = 0;
  while (!news_.empty() && out.size() < max_bytes) {
    const auto found = calls_.find(news_.front());
    news_.pop_front();
    if (found != calls_.end() && append_news(out, found->second)) {
      erase(found);
      ++num_ended;
    }
  }
  return num_ended;
}

// True when the request has ended.
bool TlpCalls::append_news(std::string& out, Call& call) {
  call.has_news = false;
  auto& choice = call.choice;
  const auto next = [&call] { return TlpEventHead{call.id, call.sequence++}; };
  if (choice.accepted() != nullptr && !call.accepted_sent) {
    call.accepted_sent = true;
    call.num_places = choice.accepted()->skipped.num_places;
    append_accepted(out, next(), *choice.accepted());
  }
  if (choice.has_delta()) {
    held_bytes_ -= choice.held_bytes();
    call.num_places += choice.delta_places();
    append_delta(out, next(), choice.take_delta(),
                 call.start.tie == Tie::retained ? std::optional(call.num_places) : std::nullopt);
  }
  if (const auto* finished = choice.finished()) {
    append_done(out, next(), *finished);
  } else if (const auto* error = choice.error()) {
    append_failed(out, next(), *error);
  }
  return choice.ended();
}

void TlpCalls::append_failures(std::string& out, const Error& error) {
  while (!calls_.empty()) {
    auto& call = calls_.begin()->second;
    append_failed(out, {call.id, call.sequence++}, error);
    erase(calls_.begin());
  }
  news_.clear();
}

void TlpCalls::erase(std::map<std::uint64_t, Call>::iterator call) {
  held_bytes_ -= call->second.choice.held_bytes();
  ended_.push_back(std::move(call->second.start.exchange));
  by_id_.erase(call->second.id);
  calls_.erase(call);
}

std::vector<LiveExchange> TlpCalls::take_ended() {
  return std::exchange(ended_, {});
}

}  // namespace troupe::transport
