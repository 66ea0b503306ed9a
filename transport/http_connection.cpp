#include "transport/http_connection.h"

#include "engine/base/log.h"
#include "transport/completion_call.h"
#include "transport/connection_flow.h"
#include "transport/error_reply.h"
#include "transport/error_table.h"
#include "transport/http_endpoints.h"
#include "transport/json_reader.h"
#include "transport/known_requests.h"
#include "transport/request_reader.h"
#include "transport/wire.h"

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace troupe::transport {
namespace {

using Clock = std::chrono::steady_clock;

// `00-<32 hex>-<16 hex>-<2 hex>` of the W3C Trace Context, as far as it must be safe to send back.
bool is_traceparent(std::string_view text) {
  constexpr std::size_t kLength = 55;
  return text.size() == kLength && text.find_first_not_of("0123456789abcdef-") == text.npos;
}

// Names that a client made up stand in a header: only what cannot break out of one, and not much.
std::string header_list(const std::vector<std::string>& names) {
  constexpr std::size_t kMaxBytes = kKibibyte;
  std::string list;
  for (const auto& name : names) {
    if (list.size() + name.size() > kMaxBytes) {
      return list + ", ...";
    }
    list += list.empty() ? "" : ", ";
    for (const char character : name) {
      const auto plain = character > ' ' && character < '\x7f' && character != ',';
      list += plain ? character : '?';
    }
  }
  return list;
}

// What the client of a stream has heard of it. A browser that comes back by itself says so in a
// header and repeats its URL, so the header counts.
Result<StreamPosition> position_of(const HttpHead& head, std::size_t num_choices) {
  const auto from = head.last_event_id.empty() ? query_value(head.query, "from")
                                               : std::optional(head.last_event_id);
  if (!from) {
    StreamPosition nothing;
    nothing.choices.resize(num_choices);
    return nothing;
  }
  return parse_position(*from, num_choices);
}

class HttpConnection final : public Connection,
                             public WireOwner,
                             public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<ServerState> state,
                 TcpSocket&& socket,
                 ConnectionLedger::Ticket ticket)
      : state_(std::move(state)),
        ticket_(std::move(ticket)),
        wire_(std::move(socket), state_->options.limits),
        arrived_(state_->io),
        taken_(state_->io) {}

  ~HttpConnection() override { state_->connections.erase(this); }

  void start() {
    state_->connections.emplace(this, weak_from_this());
    wire_.bind(weak_from_this());
    spawn(listen());
    spawn(serve());
  }

  void announce_drain() override {}

  void shut_down(const Error& reason) override {
    shutting_down_ = true;
    if (call_) {
      call_->fail_with(reason);
    }
    peer_done_ = true;
    arrived_.notify();
    taken_.notify();
    if (!call_) {
      wire_.close();
    }
  }

  void on_timeout(Timeout timeout) override {
    switch (timeout) {
      case Timeout::input:
        input_is_late_ = true;
        arrived_.notify();
        return;
      case Timeout::stall:
        if (state_->may_log()) {
          log::info("slow_client", {{"pending_bytes", wire_.pending_bytes()}});
        }
        leave("slow_consumer");
        return;
      case Timeout::ping:
        if (call_) {
          call_->ping();
        }
        return;
    }
  }

  void on_room() override {
    if (call_) {
      call_->settle();
    }
  }

  void on_broken() override { leave("client_closed"); }

 private:
  void spawn(Awaitable<void> flow) {
    start_flow(state_->io, std::move(flow),
               [self = shared_from_this()] { self->leave("internal"); });
  }

  // Nobody is there any more, or will be served.
  void leave(std::string_view why) {
    peer_done_ = true;
    if (call_) {
      call_->abandon(why);
    }
    wire_.close();
    arrived_.notify();
    taken_.notify();
  }

  // Reads whatever comes, also while an answer is being made: that is how a client's leaving is
  // seen at once.
  Awaitable<void> listen() {
    const auto self = shared_from_this();
    const auto& limits = state_->options.limits;
    // One head must fit, or it could never be refused.
    const auto max_input = limits.max_request_line_bytes + 2 * limits.max_head_bytes;
    while (wire_.is_open()) {
      if (input_.size() >= max_input) {
        co_await taken_.wait();
        continue;
      }
      const auto room = std::min(max_input - input_.size(), state_->scratch.size());
      const auto count = co_await wire_.fill({state_->scratch.data(), room}, input_);
      if (count == 0) {
        break;
      }
      arrived_.notify();
    }
    peer_done_ = true;
    if (call_) {
      call_->abandon("client_closed");
    }
    arrived_.notify();
  }

  Awaitable<void> serve() {
    const auto self = shared_from_this();
    bool goes_on = true;
    while (goes_on && wire_.is_open()) {
      RequestReader reader(state_);
      if (!co_await read_request(reader)) {
        break;
      }
      goes_on = co_await answer(reader.take());
    }
    co_await part();
  }

  // False when no request will come.
  Awaitable<bool> read_request(RequestReader& reader) {
    const auto idle_until = Clock::now() + state_->options.limits.idle_time;
    for (;;) {
      const auto step = reader.read(input_, Clock::now());
      taken_.notify();
      if (step == RequestReader::Step::complete) {
        wire_.set_timeout(Timeout::input, TimePoint::max());
        co_return true;
      }
      if (step == RequestReader::Step::go_on) {
        send("HTTP/1.1 100 Continue\r\n\r\n");
        continue;
      }
      if (peer_done_) {
        if (reader.phase() != "idle" && state_->may_log()) {
          log::info("client_closed", {{"phase", reader.phase()}});
        }
        co_return false;
      }
      wire_.set_timeout(Timeout::input, std::min(idle_until, reader.deadline()));
      co_await arrived_.wait();
      if (std::exchange(input_is_late_, false)) {
        refuse_late(reader);
        co_return false;
      }
    }
  }

  void refuse_late(const RequestReader& reader) {
    auto reply = reader.timeout_reply();
    if (!reply) {
      wire_.close();
      return;
    }
    Incoming incoming;
    incoming.must_close = true;
    send_reply(incoming, std::move(*reply), Clock::now());
  }

  // Gives whether another request may follow.
  Awaitable<bool> answer(Incoming incoming) {
    const LiveExchange exchange(state_);
    const auto began = Clock::now();
    name_request(incoming);
    if (!incoming.reply && makes_a_call(incoming)) {
      co_await answer_completion(incoming, began);
    } else {
      if (!incoming.reply) {
        incoming.reply = co_await answer_endpoint(state_, std::move(incoming.request),
                                                  incoming.match, incoming.tenant);
      }
      auto reply = std::move(*incoming.reply);
      send_reply(incoming, std::move(reply), began);
    }
    co_await wire_.emptied();
    co_return keeps_alive(incoming);
  }

  [[nodiscard]] bool makes_a_call(const Incoming& incoming) const {
    const auto route = incoming.match.route;
    return route == Route::completions || route == Route::chat_completions ||
           (route == Route::request_stream && method_ == HttpMethod::get);
  }

  void name_request(Incoming& incoming) {
    auto& head = incoming.request.head;
    keep_alive_ = head.keep_alive;
    omit_body_ = head.method == HttpMethod::head;
    method_ = head.method;
    minor_version_ = head.minor_version;
    completion_id_ = state_->name_maker.next();
    fields_.clear();
    request_id_ = is_acceptable_name(head.request_id, state_->options.limits.max_client_id_bytes)
                      ? head.request_id
                      : "req-" + completion_id_;
    fields_.emplace_back("x-request-id", request_id_);
    if (is_traceparent(head.traceparent)) {
      fields_.emplace_back("traceparent", head.traceparent);
    }
  }

  [[nodiscard]] bool keeps_alive(const Incoming& incoming) const {
    return keep_alive_ && !incoming.must_close && !state_->draining;
  }

  void send(std::string_view bytes) {
    if (auto pushed = wire_.push(bytes); !pushed) {
      leave("slow_consumer");
      return;
    }
    wire_.flush();
  }

  void send_reply(const Incoming& incoming, HttpReply reply, TimePoint began) {
    if (reply.status == 400 && incoming.must_close && state_->may_log()) {
      log::info("http_bad", {{"status", reply.status}});
    }
    reply.fields.insert(reply.fields.begin(), fields_.begin(), fields_.end());
    std::string out;
    append_reply(out, reply, {keeps_alive(incoming), omit_body_});
    send(out);
    count(incoming, reply.status, began);
  }

  void count(const Incoming& incoming, std::int32_t status, TimePoint began) {
    state_->metrics.count(incoming.match.label, to_string(method_), status, Clock::now() - began);
  }

  Result<CompletionOrder> read_order(Incoming& incoming, Endpoint endpoint) {
    const auto& options = state_->options;
    auto body = read_json(std::exchange(incoming.request.body, {}),
                          {options.limits.max_json_depth, options.limits.max_json_values});
    if (!body) {
      return pass(std::move(body));
    }
    return parse_completion(endpoint, std::move(*body),
                            {options.limits.max_prompts, options.unknown_fields});
  }

  // The client's own name for its request, if it chose one in the body.
  Result<void> rename_request(const std::string& tenant, const std::string& chosen) {
    if (chosen.empty()) {
      return {};
    }
    if (state_->calls->is_attached(tenant, chosen)) {
      return fail(ErrorCode::invalid_value, "a live request has this request_id", "request_id");
    }
    request_id_ = chosen;
    fields_.front().second = chosen;
    return {};
  }

  // The head of a stream, should the answer be one.
  StreamFrame stream_frame(Incoming& incoming) {
    StreamFrame frame;
    frame.framing = minor_version_ == 0 ? StreamFraming::until_close : StreamFraming::chunked;
    incoming.must_close |= frame.framing == StreamFraming::until_close;
    append_stream_head(frame.head, fields_, frame.framing, {keeps_alive(incoming), false});
    return frame;
  }

  // Makes the call and hands it to the engine.
  Result<std::shared_ptr<CompletionCall>> start_call(Incoming& incoming) {
    auto service = state_->open_service();
    if (!service) {
      return pass(std::move(service));
    }
    const auto endpoint =
        incoming.match.route == Route::chat_completions ? Endpoint::chat : Endpoint::completions;
    auto order = read_order(incoming, endpoint);
    if (!order) {
      return pass(std::move(order));
    }
    if (auto renamed = rename_request(incoming.tenant, order->terms.request_id); !renamed) {
      return pass(std::move(renamed));
    }
    if (!order->ignored_fields.empty()) {
      fields_.emplace_back("x-troupe-ignored", header_list(order->ignored_fields));
    }
    apply_terms(*order, incoming.tenant, (*service)->model());
    auto known =
        describe_call(*state_, *order, incoming.tenant,
                      (endpoint == Endpoint::chat ? "chatcmpl-" : "cmpl-") + completion_id_);
    auto frame = order->stream ? stream_frame(incoming) : StreamFrame();
    auto call = std::make_shared<CompletionCall>(state_, wire_, std::move(frame));
    const std::vector<std::string> names = {known.identity.id, request_id_};
    auto started = call->start(std::move(*service), std::move(*order), std::move(known), names);
    if (!started) {
      return pass(std::move(started));
    }
    return call;
  }

  // Takes up the stream of a call that was made before.
  Result<std::shared_ptr<CompletionCall>> resume_call(Incoming& incoming) {
    auto known = find_call(*state_, incoming.tenant, incoming.match.rest);
    if (!known) {
      return pass(std::move(known));
    }
    if (auto resumable = check_resumable(*state_, **known, incoming.match.rest); !resumable) {
      return pass(std::move(resumable));
    }
    auto position = position_of(incoming.request.head, (*known)->requests.size());
    if (!position) {
      return pass(std::move(position));
    }
    auto call = std::make_shared<CompletionCall>(state_, wire_, stream_frame(incoming));
    call->resume(state_->service, **known, std::move(*position));
    return call;
  }

  Awaitable<void> answer_completion(Incoming& incoming, TimePoint began) {
    // Who has left before it began will read nothing.
    if (peer_done_) {
      incoming.must_close = true;
      co_return;
    }
    auto call = incoming.match.route == Route::request_stream ? resume_call(incoming)
                                                              : start_call(incoming);
    if (!call) {
      send_reply(incoming, error_reply(call.error(), state_->drain_rate), began);
      co_return;
    }
    call_ = *call;
    const auto end = co_await call_->ended();
    call_.reset();
    switch (end) {
      case CallEnd::refused:
        send_reply(incoming, error_reply((*call)->error(), state_->drain_rate), began);
        break;
      case CallEnd::whole: {
        HttpReply reply;
        reply.body = std::move((*call)->body());
        send_reply(incoming, std::move(reply), began);
        break;
      }
      case CallEnd::streamed:
        count(incoming, 200, began);
        break;
      case CallEnd::broken:
        count(incoming, 200, began);
        incoming.must_close = true;
        break;
      case CallEnd::abandoned:
        count(incoming, look_of({ErrorCode::cancelled, {}, {}}).status, began);
        incoming.must_close = true;
        break;
    }
  }

  // Says goodbye so that the last answer is read: closing over unread bytes would reset the
  // connection and take the answer with it.
  Awaitable<void> part() {
    co_await wire_.emptied();
    if (wire_.is_open() && !shutting_down_) {
      wire_.shut_sending();
      wire_.set_timeout(Timeout::input, Clock::now() + state_->options.limits.linger_time);
      while (!peer_done_ && !input_is_late_) {
        input_.clear();
        taken_.notify();
        co_await arrived_.wait();
      }
    }
    wire_.close();
    taken_.notify();
  }

  std::shared_ptr<ServerState> state_;
  ConnectionLedger::Ticket ticket_;
  Wire wire_;
  Signal arrived_;  // bytes, or the news that none will come
  Signal taken_;    // there is room in the input again
  std::string input_;
  bool peer_done_ = false;  // the peer sends nothing more
  bool input_is_late_ = false;
  bool shutting_down_ = false;
  std::shared_ptr<CompletionCall> call_;

  // Of the request that is being answered.
  std::string completion_id_;
  std::string request_id_;
  std::vector<HttpField> fields_;
  HttpMethod method_ = HttpMethod::other;
  std::int32_t minor_version_ = 1;
  bool keep_alive_ = true;
  bool omit_body_ = false;
};

}  // namespace

void serve_http(std::shared_ptr<ServerState> state,
                TcpSocket&& socket,
                ConnectionLedger::Ticket ticket) {
  std::make_shared<HttpConnection>(std::move(state), std::move(socket), std::move(ticket))->start();
}

}  // namespace troupe::transport
