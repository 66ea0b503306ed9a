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

void CompletionCall::prepare_choices() {
  const auto num_choices = position_.choices.size();
  choices_.resize(num_choices);
  for (std::size_t i = 0; i < num_choices; ++i) {
    formatters_.emplace_back(known_.identity, static_cast<std::int32_t>(i));
  }
}

Result<void> CompletionCall::start(std::shared_ptr<Service> service,
                                   CompletionOrder order,
                                   KnownCall known,
                                   const std::vector<std::string>& names) {
  service_ = std::move(service);
  order_ = std::move(order);
  known_ = std::move(known);
  tells_position_ = known_.retained;
  position_.choices.resize(order_.requests.size());
  prepare_choices();
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    auto submitted = service_->submit(std::move(order_.requests[i]),
                                      make_sink(state_->inbox, shared_from_this(), i));
    if (!submitted) {
      cancel_running();
      finish(CallEnd::refused);
      return pass(std::move(submitted));
    }
    known_.requests.push_back(*submitted);
  }
  ticket_.emplace(CallLedger::enter(state_->calls, known_, names));
  return {};
}

void CompletionCall::resume(std::shared_ptr<Service> service,
                            const KnownCall& known,
                            StreamPosition position) {
  service_ = std::move(service);
  known_ = known;
  order_.endpoint = known_.identity.endpoint;
  order_.stream = true;
  order_.usage_reports = known_.usage_reports;
  tells_position_ = true;
  is_resumed_ = true;
  position_ = std::move(position);
  prepare_choices();
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    service_->attach(known_.requests[i], position_.choices[i].num_places,
                     make_sink(state_->inbox, shared_from_this(), i));
  }
}

Awaitable<CallEnd> CompletionCall::ended() {
  const auto self = shared_from_this();
  while (is_running()) {
    co_await ended_.wait();
  }
  co_return *end_;
}

void CompletionCall::receive(std::uint64_t tag, Event event) {
  // A retained request goes on when nobody listens here any more.
  if (is_running()) {
    choices_.at(tag).put(std::move(event));
  }
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
    stop_others(error_);
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
  append_whole(body_, known_.identity, whole, total_usage());
  finish(CallEnd::whole);
}

void CompletionCall::settle_stream() {
  if (!stream_begun_) {
    // Until then the status is open: a request that is refused gets a real one.
    if (const auto* error = first_refusal()) {
      error_ = *error;
      stop_others(error_);
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
    auto& position = position_.choices[i];
    if (const auto* accepted = choices_[i].accepted()) {
      position.num_places = accepted->skipped.num_places;
      formatters_[i].skip(accepted->skipped.num_characters);
    }
    if (std::exchange(position.begun, true)) {
      continue;
    }
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
      position_.choices[i].num_places += choice.delta_places();
      const auto delta = choice.take_delta();
      // Half a character is no text yet; it is told with the token that completes it.
      if (!delta.text.empty() || !delta.logprobs.empty()) {
        json_.clear();
        formatters_[i].append_delta(json_, delta, counts_of(i));
        append_event(json_);
      }
    }
    if (choice.finished() != nullptr && !std::exchange(position_.choices[i].finished, true)) {
      json_.clear();
      formatters_[i].append_finish(json_, *choice.finished(), counts_of(i));
      append_event(json_);
    }
  }
}

void CompletionCall::end_stream() {
  if (order_.usage_reports != UsageReports::none && !std::exchange(position_.usage_told, true)) {
    json_.clear();
    append_usage_chunk(json_, known_.identity, total_usage());
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
  stop_others(error);
  finish(CallEnd::broken);
}

void CompletionCall::append_event(std::string_view json) {
  event_.clear();
  if (tells_position_) {
    event_ += "id: ";
    append_position(event_, position_);
    event_ += '\n';
  }
  event_ += "data: ";
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
  if (!known_.retained) {
    cancel_running();
  }
  if (state_->may_log()) {
    const auto running = std::ranges::any_of(
        choices_, [](const auto& choice) { return choice.num_output_tokens() > 0; });
    const auto& requests = known_.requests;
    log::info(known_.retained ? "left" : "aborted",
              {{"req", requests.empty() ? 0 : requests.front().value},
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
  for (std::size_t i = 0; i < known_.requests.size(); ++i) {
    if (!choices_[i].ended()) {
      service_->cancel(known_.requests[i]);
    }
  }
}

// One choice has failed, so the whole call has. Cancelled is not failed: whoever cancelled has seen
// to the others, or has taken them up on another connection.
void CompletionCall::stop_others(const Error& error) {
  if (error.code != ErrorCode::cancelled) {
    cancel_running();
  }
}

void CompletionCall::finish(CallEnd end) {
  end_ = end;
  ticket_.reset();
  wire_.set_timeout(Timeout::ping, TimePoint::max());
  if (!is_resumed_) {
    state_->drain_rate.on_end(Clock::now());
  }
  ended_.notify();
}

}  // namespace troupe::transport
