#include "transport/request_reader.h"

#include "engine/base/check.h"
#include "transport/api_key.h"
#include "transport/error_reply.h"
#include "transport/http_gate.h"

#include <algorithm>
#include <utility>

namespace troupe::transport {

bool BodyCharge::set(std::size_t bytes) {
  state_->total_body_bytes += bytes;
  state_->total_body_bytes -= charged_;
  charged_ = bytes;
  return state_->total_body_bytes <= state_->options.limits.max_total_body_bytes;
}

RequestReader::RequestReader(std::shared_ptr<ServerState> state)
    : state_(std::move(state)), parser_(state_->options.limits), charge_(state_) {}

RequestReader::Step RequestReader::read(std::string& input, TimePoint now) {
  for (;;) {
    const auto taken = parser_.put(input);
    input.erase(0, taken);
    if (parser_.state() == HttpParser::State::refused) {
      const auto& problem = parser_.problem();
      refuse(status_reply(problem.status, problem.message));
      return Step::complete;
    }
    const auto head_is_there = parser_.state() != HttpParser::State::in_head;
    const auto first_look = head_is_there && !judged_;
    if (first_look) {
      judge();
    }
    if (!charge_.set(parser_.body().size()) && !complete_) {
      refuse(error_reply(
          {ErrorCode::resource_exhausted, "the server holds as many request bodies as it may", {}},
          state_->drain_rate));
    }
    if (complete_ || parser_.state() == HttpParser::State::done) {
      return Step::complete;
    }
    owe(now);
    if (first_look && parser_.head().expects_continue) {
      return Step::go_on;
    }
    if (taken == 0 || input.empty()) {
      return Step::need_more;
    }
  }
}

void RequestReader::judge() {
  judged_ = true;
  const auto& head = parser_.head();
  incoming_.match = find_route(head.method, head.path);
  incoming_.reply = judge_head(head, incoming_.match, state_->keys);
  incoming_.tenant = state_->keys.tenant_of(bearer_key(head.authorization)).value_or("");
  // A body that nobody wants is not waited for.
  complete_ = incoming_.reply.has_value();
  incoming_.must_close = complete_ && parser_.state() != HttpParser::State::done;
}

void RequestReader::refuse(HttpReply reply) {
  incoming_.reply = std::move(reply);
  incoming_.must_close = true;
  complete_ = true;
}

void RequestReader::owe(TimePoint now) {
  const auto& limits = state_->options.limits;
  if (!parser_.started()) {
    return;
  }
  if (owed_ != parser_.state()) {
    owed_ = parser_.state();
    began_ = now;
  }
  if (owed_ == HttpParser::State::in_head) {
    deadline_ = began_ + limits.head_time;
    return;
  }
  // What has come so far pays for so much time and no more.
  const auto paid = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(parser_.body().size()) /
                                    static_cast<double>(limits.min_body_bytes_per_second)));
  deadline_ = began_ + std::min(limits.body_time, limits.body_grace + paid);
}

std::optional<HttpReply> RequestReader::timeout_reply() const {
  if (!parser_.started()) {
    return std::nullopt;
  }
  return status_reply(
      408, "the request did not come in time: its " + std::string(phase()) + " is not complete");
}

std::string_view RequestReader::phase() const {
  if (!parser_.started()) {
    return "idle";
  }
  return parser_.state() == HttpParser::State::in_head ? "head" : "body";
}

Incoming RequestReader::take() {
  TROUPE_CHECK(complete_ || parser_.state() == HttpParser::State::done,
               "the request is not complete");
  if (parser_.state() == HttpParser::State::done) {
    incoming_.request = parser_.take();
  } else {
    incoming_.request.head = parser_.head();
  }
  return std::move(incoming_);
}

}  // namespace troupe::transport
