#include "transport/completion_call.h"

#include "engine/base/log.h"
#include "transport/error_table.h"

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace troupe::transport {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

CompletionCall::CompletionCall(std::shared_ptr<ServerState> state, Wire& wire, StreamFrame frame)
    : state_(std::move(state)), wire_(wire), frame_(std::move(frame)), ended_(state_->io) {}

Result<void> CompletionCall::start(std::shared_ptr<Service> service,
                                   CompletionOrder order,
                                   ResponseIdentity identity,
                                   std::vector<std::string> names) {
  service_ = std::move(service);
  order_ = std::move(order);
  identity_ = std::move(identity);
  const auto num_choices = order_.requests.size();
  choices_.resize(num_choices);
  finish_sent_.resize(num_choices);
  for (std::size_t i = 0; i < num_choices; ++i) {
    formatters_.emplace_back(identity_, static_cast<std::int32_t>(i));
  }
  for (std::size_t i = 0; i < num_choices; ++i) {
    auto submitted = service_->submit(std::move(order_.requests[i]),
                                      make_sink(state_->inbox, shared_from_this(), i));
    if (!submitted) {
      cancel_running();
      finish(CallEnd::refused);
      return pass(std::move(submitted));
    }
    requests_.push_back(*submitted);
  }
  for (auto& name : names) {
    if (state_->names.add(name, requests_)) {
      names_.push_back(std::move(name));
    }
  }
  return {};
}

Awaitable<CallEnd> CompletionCall::ended() {
  const auto self = shared_from_this();
  while (is_running()) {
    co_await ended_.wait();
  }
  co_return *end_;
}

void CompletionCall::receive(std::uint64_t tag, Event event) {
  choices_.at(tag).put(std::move(event));
}

void CompletionCall::settle() {
  if (!is_running()) {
    return;
  }
  if (order_.stream) {
    settle_stream();
  } else {
    settle_whole();
  }
}

void CompletionCall::settle_whole() {
  if (const auto* error = first_error()) {
    error_ = *error;
    cancel_running();
    finish(CallEnd::refused);
    return;
  }
  if (held_bytes() > state_->options.limits.max_answer_bytes) {
    fail_with({ErrorCode::resource_exhausted,
               "the answer is larger than " +
                   std::to_string(state_->options.limits.max_answer_bytes) +
                   " bytes; ask for a stream",
               {}});
    return;
  }
  if (!all_finished()) {
    return;
  }
  std::vector<WholeChoice> whole;
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    const auto echo = order_.echoes.empty() ? std::string_view() : order_.echoes[i];
    whole.push_back({echo, &choices_[i].delta(), choices_[i].finished()});
  }
  append_whole(body_, identity_, whole, total_usage());
  finish(CallEnd::whole);
}

void CompletionCall::settle_stream() {
  if (!stream_begun_) {
    // Until then the status is open: a request that is refused gets a real one.
    if (const auto* error = first_refusal()) {
      error_ = *error;
      cancel_running();
      finish(CallEnd::refused);
      return;
    }
    if (!all_answered()) {
      return;
    }
    begin_stream();
  }
  send_choices();
}

void CompletionCall::begin_stream() {
  stream_begun_ = true;
  pieces_ += frame_.head;
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    // What has come in the same moment is told by the chunks that hold it.
    auto counts = counts_of(i);
    counts.num_output_tokens = 0;
    json_.clear();
    if (order_.endpoint == Endpoint::chat) {
      formatters_[i].append_role(json_, counts);
      append_event(json_);
    } else if (!order_.echoes.empty()) {
      formatters_[i].append_echo(json_, order_.echoes[i], counts);
      append_event(json_);
    }
  }
}

void CompletionCall::send_choices() {
  const auto backlog = wire_.pending_bytes();
  if (backlog + held_bytes() > state_->options.limits.max_outbox_bytes) {
    give_up_reader();
    return;
  }
  // A reader that lags gets fewer and larger chunks, once there is room.
  if (backlog >= state_->options.limits.coalesce_bytes) {
    return;
  }
  send_deltas();
  if (const auto* error = first_error()) {
    break_stream(*error);
  } else if (all_finished()) {
    end_stream();
  } else {
    send_pieces();
  }
}

void CompletionCall::send_deltas() {
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    auto& choice = choices_[i];
    if (choice.has_delta()) {
      const auto delta = choice.take_delta();
      // Half a character is no text yet; it is told with the token that completes it.
      if (!delta.text.empty() || !delta.logprobs.empty()) {
        json_.clear();
        formatters_[i].append_delta(json_, delta, counts_of(i));
        append_event(json_);
      }
    }
    if (choice.finished() != nullptr && !finish_sent_[i]) {
      finish_sent_[i] = true;
      json_.clear();
      formatters_[i].append_finish(json_, *choice.finished(), counts_of(i));
      append_event(json_);
    }
  }
}

void CompletionCall::end_stream() {
  if (order_.usage_reports != UsageReports::none) {
    json_.clear();
    append_usage_chunk(json_, identity_, total_usage());
    append_event(json_);
  }
  append_event("[DONE]");
  append_stream_end(pieces_, frame_.framing);
  send_pieces();
  finish(CallEnd::streamed);
}

void CompletionCall::break_stream(const Error& error) {
  append_event(format_error(error));
  append_stream_end(pieces_, frame_.framing);
  send_pieces();
  cancel_running();
  finish(CallEnd::broken);
}

void CompletionCall::append_event(std::string_view json) {
  event_ = "data: ";
  event_ += json;
  event_ += "\n\n";
  append_stream_piece(pieces_, event_, frame_.framing);
}

void CompletionCall::send_pieces() {
  if (pieces_.empty()) {
    return;
  }
  auto pushed = wire_.push(pieces_);
  pieces_.clear();
  if (!pushed) {
    give_up_reader();
    return;
  }
  wire_.flush();
  wire_.set_timeout(Timeout::ping, Clock::now() + state_->options.limits.ping_time);
}

void CompletionCall::ping() {
  if (!is_running() || !stream_begun_) {
    return;
  }
  // Behind a backlog it would say nothing that the backlog does not.
  if (wire_.pending_bytes() == 0) {
    append_stream_piece(pieces_, ": ping\n\n", frame_.framing);
  }
  send_pieces();
  wire_.set_timeout(Timeout::ping, Clock::now() + state_->options.limits.ping_time);
}

void CompletionCall::give_up_reader() {
  if (state_->may_log()) {
    log::info("slow_client", {{"pending_bytes", wire_.pending_bytes()}});
  }
  abandon("slow_consumer");
  wire_.close();
}

void CompletionCall::abandon(std::string_view reason) {
  if (!is_running()) {
    return;
  }
  cancel_running();
  if (state_->may_log()) {
    const auto running = std::ranges::any_of(
        choices_, [](const auto& choice) { return choice.num_output_tokens() > 0; });
    log::info("aborted", {{"req", requests_.empty() ? 0 : requests_.front().value},
                          {"why", reason},
                          {"phase", running ? "running" : "queued"}});
  }
  finish(CallEnd::abandoned);
}

void CompletionCall::fail_with(const Error& error) {
  if (!is_running()) {
    return;
  }
  if (stream_begun_) {
    break_stream(error);
    return;
  }
  error_ = error;
  cancel_running();
  finish(CallEnd::refused);
}

void CompletionCall::break_off() noexcept {
  abandon("internal");
  wire_.close();
}

const Error* CompletionCall::first_error() const {
  for (const auto& choice : choices_) {
    if (choice.error() != nullptr) {
      return choice.error();
    }
  }
  return nullptr;
}

const Error* CompletionCall::first_refusal() const {
  for (const auto& choice : choices_) {
    if (choice.error() != nullptr && choice.accepted() == nullptr) {
      return choice.error();
    }
  }
  return nullptr;
}

bool CompletionCall::all_answered() const {
  return std::ranges::all_of(choices_, &ChoiceState::answered);
}

bool CompletionCall::all_finished() const {
  return std::ranges::all_of(choices_,
                             [](const auto& choice) { return choice.finished() != nullptr; });
}

std::size_t CompletionCall::held_bytes() const {
  std::size_t held = 0;
  for (const auto& choice : choices_) {
    held += choice.held_bytes();
  }
  return held;
}

Usage CompletionCall::total_usage() const {
  Usage total;
  for (const auto& choice : choices_) {
    total = total + choice.finished()->usage;
  }
  return total;
}

ChunkCounts CompletionCall::counts_of(std::size_t choice) const {
  ChunkCounts counts;
  switch (order_.usage_reports) {
    case UsageReports::none:
      return counts;
    case UsageReports::last_chunk:
      counts.usage = ChunkUsage::null;
      return counts;
    case UsageReports::every_chunk:
      counts.usage = ChunkUsage::running;
      break;
  }
  const auto* accepted = choices_[choice].accepted();
  counts.num_prompt_tokens = accepted == nullptr ? 0 : accepted->num_prompt_tokens;
  counts.num_output_tokens = choices_[choice].num_output_tokens();
  return counts;
}

void CompletionCall::cancel_running() {
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (!choices_[i].ended()) {
      service_->cancel(requests_[i]);
    }
  }
}

void CompletionCall::finish(CallEnd end) {
  end_ = end;
  for (const auto& name : names_) {
    state_->names.remove(name);
  }
  names_.clear();
  wire_.set_timeout(Timeout::ping, TimePoint::max());
  state_->drain_rate.on_end(Clock::now());
  ended_.notify();
}

}  // namespace troupe::transport
