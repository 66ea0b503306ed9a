#include "transport/tlp_connection.h"

#include "engine/base/log.h"
#include "transport/api_key.h"
#include "transport/connection_flow.h"
#include "transport/json_reader.h"
#include "transport/known_requests.h"
#include "transport/line_reader.h"
#include "transport/openai_request.h"
#include "transport/pending_answer.h"
#include "transport/tlp_calls.h"
#include "transport/tlp_codec.h"
#include "transport/wire.h"

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <utility>

namespace troupe::transport {
namespace {

using Clock = std::chrono::steady_clock;

class TlpConnection final : public Connection,
                            public WireOwner,
                            public EventReceiver,
                            public std::enable_shared_from_this<TlpConnection> {
 public:
  TlpConnection(std::shared_ptr<ServerState> state,
                TcpSocket&& socket,
                ConnectionLedger::Ticket ticket)
      : state_(std::move(state)),
        ticket_(std::move(ticket)),
        wire_(std::move(socket), state_->options.limits),
        is_known_(state_->keys.is_open()) {}

  ~TlpConnection() override { state_->connections.erase(this); }

  void start() {
    state_->connections.emplace(this, weak_from_this());
    wire_.bind(weak_from_this());
    greet();
    spawn(serve());
  }

  void announce_drain() override {
    append_draining(out_);
    send();
  }

  void shut_down(const Error& reason) override {
    cancel(calls_.requests());
    calls_.append_failures(out_, reason);
    send();
    wire_.close();
  }

  void on_timeout(Timeout timeout) override {
    if (timeout == Timeout::stall) {
      give_up_reader();
    } else if (timeout == Timeout::input) {
      append_problem(out_, {}, {ErrorCode::deadline_exceeded, "a line did not come in time", {}});
      send();
      leave("late_line");
    }
  }

  void on_room() override { settle(); }

  void on_broken() override { leave("client_closed"); }

  void receive(std::uint64_t tag, Event event) override { calls_.put(tag, std::move(event)); }

  void settle() override {
    if (!wire_.is_open()) {
      return;
    }
    const auto& limits = state_->options.limits;
    const auto backlog = wire_.pending_bytes();
    if (backlog + calls_.held_bytes() > limits.max_outbox_bytes) {
      give_up_reader();
      return;
    }
    if (backlog < limits.coalesce_bytes) {
      const auto num_ended = calls_.append_lines(out_, limits.coalesce_bytes - backlog);
      for (std::size_t i = 0; i < num_ended; ++i) {
        state_->drain_rate.on_end(Clock::now());
      }
    }
    send();
    if (wire_.pending_bytes() == 0) {
      calls_.take_ended().clear();
    }
  }

  void break_off() noexcept override { leave("internal"); }

 private:
  void spawn(Awaitable<void> flow) {
    start_flow(state_->io, std::move(flow),
               [self = shared_from_this()] { self->leave("internal"); });
  }

  void greet() {
    TlpGreeting greeting;
    greeting.server = "troupe/" + state_->options.version;
    greeting.model = state_->service ? &state_->service->model() : nullptr;
    greeting.needs_key = !is_known_;
    append_greeting(out_, greeting);
    if (state_->draining) {
      append_draining(out_);
    }
    send();
    if (!is_known_) {
      wire_.set_timeout(Timeout::input, Clock::now() + state_->options.limits.head_time);
    }
  }

  Awaitable<void> serve() {
    const auto self = shared_from_this();
    while (wire_.is_open()) {
      const auto count = co_await wire_.fill(state_->scratch, lines_.buffer());
      if (count == 0) {
        break;
      }
      take_lines();
      send();
    }
    leave("client_closed");
  }

  void take_lines() {
    while (wire_.is_open()) {
      const auto line = lines_.next();
      if (!line) {
        break;
      }
      if (line->size() > max_line_bytes()) {
        refuse_long_line();
        return;
      }
      take_line(*line);
    }
    lines_.compact();
    if (lines_.overflows(max_line_bytes())) {
      refuse_long_line();
      return;
    }
    // A line that has begun must end; between lines a client may be silent for as long as it likes.
    if (is_known_) {
      wire_.set_timeout(Timeout::input, lines_.has_partial_line()
                                            ? Clock::now() + state_->options.limits.body_time
                                            : TimePoint::max());
    }
  }

  [[nodiscard]] std::size_t max_line_bytes() const {
    const auto& limits = state_->options.limits;
    return is_known_ ? limits.max_line_bytes : limits.max_stranger_line_bytes;
  }

  void refuse_long_line() {
    append_problem(out_, {},
                   {ErrorCode::invalid_value,
                    "a line has at most " + std::to_string(max_line_bytes()) + " bytes",
                    {}});
    send();
    leave("long_line");
  }

  void take_line(std::string_view line) {
    if (line.empty()) {
      return;
    }
    const auto& limits = state_->options.limits;
    // The body may be as deep as over HTTP; here it stands one level lower.
    auto json = read_json(line, {limits.max_json_depth + 1, limits.max_json_values});
    if (!json) {
      refuse_line({}, json.error());
      return;
    }
    auto command = parse_command(std::move(*json), limits.max_client_id_bytes);
    if (!command) {
      refuse_line(command.error().id, command.error().error);
      return;
    }
    if (!is_known_ && command->operation != TlpOperation::hello) {
      refuse_stranger(command->id);
      return;
    }
    obey(std::move(*command));
  }

  void refuse_line(const std::string& id, const Error& error) {
    append_problem(out_, id, error);
    if (++num_problems_ >= state_->options.limits.max_line_problems || !is_known_) {
      send();
      leave("bad_lines");
    }
  }

  void refuse_stranger(const std::string& id) {
    append_problem(out_, id, {ErrorCode::unauthorized, "say hello with a valid key first", {}});
    send();
    leave("unauthorized");
  }

  void obey(TlpCommand command) {
    switch (command.operation) {
      case TlpOperation::hello:
        hello(command.key);
        return;
      case TlpOperation::chat:
        begin(Endpoint::chat, std::move(command));
        return;
      case TlpOperation::complete:
        begin(Endpoint::completions, std::move(command));
        return;
      case TlpOperation::cancel:
        cancel(command.id);
        return;
      case TlpOperation::resume:
        resume(command);
        return;
      case TlpOperation::ping:
        append_pong(out_, command.echo);
        return;
      case TlpOperation::stats:
        ask_stats();
        return;
    }
  }

  void hello(const std::string& key) {
    auto tenant = state_->keys.tenant_of(key);
    if (!tenant) {
      refuse_stranger({});
      return;
    }
    tenant_ = std::move(*tenant);
    is_known_ = true;
    append_welcome(out_);
  }

  void begin(Endpoint endpoint, TlpCommand command) {
    if (is_in_use(command.id)) {
      return;
    }
    if (auto begun = try_begin(endpoint, command); !begun) {
      append_problem(out_, command.id, begun.error());
    }
  }

  bool is_in_use(const std::string& id) {
    if (!calls_.contains(id)) {
      return false;
    }
    // Without the id: an error that bore it would seem to be the end of the live one.
    append_problem(
        out_, {},
        {ErrorCode::invalid_value, "a live request of this connection has this id", "id"});
    return true;
  }

  Result<void> check_room() const {
    if (calls_.size() >= state_->options.limits.max_live_requests) {
      return fail(ErrorCode::queue_full, "this connection has " + std::to_string(calls_.size()) +
                                             " live requests, as many as it may");
    }
    return {};
  }

  // By which a client may come back: an id of this protocol is good for its connection alone,
  // unless the request outlives that.
  static std::vector<std::string> names_of(const std::string& id, const CompletionOrder& order) {
    std::vector<std::string> names;
    if (order.terms.retain) {
      names.push_back(id);
    }
    if (!order.terms.request_id.empty()) {
      names.push_back(order.terms.request_id);
    }
    return names;
  }

  Result<CompletionOrder> read_order(Endpoint endpoint, TlpCommand& command) const {
    const auto& options = state_->options;
    auto order = parse_completion(endpoint, std::move(command.body),
                                  {options.limits.max_prompts, options.unknown_fields});
    if (!order) {
      return order;
    }
    if (order->requests.size() > 1) {
      return fail(ErrorCode::unsupported, "send each prompt under an id of its own", "prompt");
    }
    if (!order->echoes.empty()) {
      return fail(ErrorCode::unsupported, "echo is not supported by the line protocol", "echo");
    }
    for (const auto& name : names_of(command.id, *order)) {
      if (state_->calls->is_attached(tenant_, name)) {
        return fail(ErrorCode::invalid_value, "a live request of another connection has this id",
                    "id");
      }
    }
    return order;
  }

  Result<void> try_begin(Endpoint endpoint, TlpCommand& command) {
    if (auto room = check_room(); !room) {
      return room;
    }
    auto service = state_->open_service();
    if (!service) {
      return pass(std::move(service));
    }
    auto order = read_order(endpoint, command);
    if (!order) {
      return pass(std::move(order));
    }
    apply_terms(*order, tenant_, (*service)->model());
    auto submitted =
        (*service)->submit(std::move(order->requests.front()),
                           make_sink(state_->inbox, shared_from_this(), calls_.next_tag()));
    if (!submitted) {
      return pass(std::move(submitted));
    }
    TlpCalls::Start start{*submitted, TlpCalls::Tie::bound, std::nullopt, LiveExchange(state_)};
    if (order->terms.retain) {
      start.tie = TlpCalls::Tie::retained;
    }
    if (const auto names = names_of(command.id, *order); !names.empty()) {
      auto known = describe_call(*state_, *order, tenant_, command.id);
      known.requests = {*submitted};
      start.ticket.emplace(CallLedger::enter(state_->calls, std::move(known), names));
    }
    calls_.add(command.id, std::move(start));
    return {};
  }

  void resume(const TlpCommand& command) {
    if (is_in_use(command.id)) {
      return;
    }
    if (auto resumed = try_resume(command); !resumed) {
      append_problem(out_, command.id, resumed.error());
    }
  }

  Result<void> try_resume(const TlpCommand& command) {
    if (auto room = check_room(); !room) {
      return room;
    }
    auto known = find_call(*state_, tenant_, command.id);
    if (!known) {
      return pass(std::move(known));
    }
    if (auto resumable = check_resumable(*state_, **known, command.id); !resumable) {
      return resumable;
    }
    const auto& requests = (*known)->requests;
    if (requests.size() > 1) {
      return fail(ErrorCode::unsupported, "a request with several prompts is resumed over HTTP",
                  "id");
    }
    state_->service->attach(requests.front(), command.from,
                            make_sink(state_->inbox, shared_from_this(), calls_.next_tag()));
    const auto tie = (*known)->retained ? TlpCalls::Tie::retained : TlpCalls::Tie::bound;
    calls_.add(command.id, {requests.front(), tie, std::nullopt, LiveExchange(state_)});
    return {};
  }

  void cancel(const std::string& id) {
    if (const auto request = calls_.find(id)) {
      state_->service->cancel(*request);
      return;
    }
    // A retained one of an earlier connection, perhaps: its end is heard by whoever resumes it.
    if (const auto known = state_->calls->find(tenant_, id); known && known->retained) {
      for (const auto request : known->requests) {
        state_->service->cancel(request);
      }
      return;
    }
    append_problem(out_, id, {ErrorCode::not_found, "no live request has this id", "id"});
  }

  // Several questions at once are one question to the service, and an answer each.
  void ask_stats() {
    if (num_stats_asked_++ == 0) {
      spawn(answer_stats());
    }
  }

  Awaitable<void> answer_stats() {
    const auto self = shared_from_this();
    std::optional<ServiceStatus> status = ServiceStatus();
    if (state_->service) {
      auto pending = std::make_shared<PendingAnswer<ServiceStatus>>(state_->io);
      state_->service->status(pending->callback(state_->inbox));
      co_await pending->arrived().wait_until(Clock::now() + state_->options.limits.answer_time);
      status = std::move(pending->answer());
    }
    for (; num_stats_asked_ > 0; --num_stats_asked_) {
      if (status) {
        append_stats(out_, *status);
      } else {
        append_problem(out_, {}, {ErrorCode::unhealthy, "the engine did not answer in time", {}});
      }
    }
    send();
  }

  // Moves what has been written to the wire.
  void send() {
    if (!out_.empty()) {
      const auto pushed = wire_.push(out_);
      out_.clear();
      if (!pushed) {
        give_up_reader();
        return;
      }
    }
    wire_.flush();
  }

  void give_up_reader() {
    if (state_->may_log()) {
      log::info("slow_client", {{"pending_bytes", wire_.pending_bytes()}});
    }
    leave("slow_consumer");
  }

  // Nobody is there any more, or will be served.
  void leave(std::string_view why) {
    if (calls_.size() > 0) {
      if (state_->may_log()) {
        log::info("aborted", {{"requests", calls_.size()}, {"why", why}});
      }
      cancel(calls_.bound_requests());
      std::string unread;
      calls_.append_failures(unread, {ErrorCode::cancelled, {}, {}});
    }
    calls_.take_ended().clear();
    wire_.close();
  }

  void cancel(const std::vector<RequestId>& requests) {
    for (const auto request : requests) {
      state_->service->cancel(request);
    }
  }

  std::shared_ptr<ServerState> state_;
  ConnectionLedger::Ticket ticket_;
  Wire wire_;
  LineReader lines_;
  TlpCalls calls_;
  std::string out_;     // lines on their way to the wire
  bool is_known_;       // no key is asked for, or it was shown
  std::string tenant_;  // whose it was
  std::size_t num_problems_ = 0;
  std::size_t num_stats_asked_ = 0;
};

}  // namespace

void serve_tlp(std::shared_ptr<ServerState> state,
               TcpSocket&& socket,
               ConnectionLedger::Ticket ticket) {
  std::make_shared<TlpConnection>(std::move(state), std::move(socket), std::move(ticket))->start();
}

}  // namespace troupe::transport
