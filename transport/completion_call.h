// One call to a completion endpoint while it runs: its requests in the engine, what they have said,
// and how it reaches the client, in one piece or as an event stream.
#pragma once

#include "transport/call_ledger.h"
#include "transport/choice_state.h"
#include "transport/event_inbox.h"
#include "transport/http_message.h"
#include "transport/openai_request.h"
#include "transport/openai_response.h"
#include "transport/server_state.h"
#include "transport/stream_position.h"
#include "transport/wire.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::transport {

/// The HTTP side of a streamed call.
struct StreamFrame {
  std::string head;  // of the answer, sent when every request was accepted
  StreamFraming framing = StreamFraming::chunked;
};

/// How a call ended.
enum class CallEnd : std::uint8_t {
  refused,    // before anything was sent: `error()` is the answer
  whole,      // `body()` is the answer
  streamed,   // everything was sent
  broken,     // an error was sent in the middle of the stream: the connection must close
  abandoned,  // there is nobody to answer
};

/// Held by its connection and by the sinks in the engine. After `ended()` it never touches the wire
/// again.
class CompletionCall : public EventReceiver, public std::enable_shared_from_this<CompletionCall> {
 public:
  CompletionCall(std::shared_ptr<ServerState> state, Wire& wire, StreamFrame frame);

  /// Hands the order's requests to `service`, all or none. `known` says what the ledger remembers
  /// of the call but for its requests; `names` are those by which the client may come back to it.
  /// Errors: those of `Service::submit`.
  [[nodiscard]] Result<void> start(std::shared_ptr<Service> service,
                                   CompletionOrder order,
                                   KnownCall known,
                                   const std::vector<std::string>& names);

  /// Takes up the stream of a call whose client has heard it up to `position`.
  void resume(std::shared_ptr<Service> service, const KnownCall& known, StreamPosition position);

  /// Waits for the end.
  [[nodiscard]] Awaitable<CallEnd> ended();

  [[nodiscard]] const Error& error() const { return error_; }

  [[nodiscard]] std::string& body() { return body_; }

  /// The client is gone, or will not be served any longer: cancels what runs, unless it is
  /// retained.
  void abandon(std::string_view reason);

  /// Ends the call with `error`, as far as the client will take it.
  void fail_with(const Error& error);

  /// Says something in a stream that has been silent.
  void ping();

  void receive(std::uint64_t tag, Event event) override;
  void settle() override;
  void break_off() noexcept override;

 private:
  [[nodiscard]] bool is_running() const { return !end_.has_value(); }

  [[nodiscard]] const Error* first_error() const;
  [[nodiscard]] const Error* first_refusal() const;
  [[nodiscard]] bool all_answered() const;
  [[nodiscard]] bool all_finished() const;
  [[nodiscard]] std::size_t held_bytes() const;
  [[nodiscard]] Usage total_usage() const;
  [[nodiscard]] ChunkCounts counts_of(std::size_t choice) const;

  void settle_whole();
  void settle_stream();
  void begin_stream();
  void send_choices();
  void send_deltas();
  void end_stream();
  void break_stream(const Error& error);
  void append_event(std::string_view json);
  void send_pieces();
  void give_up_reader();
  void prepare_choices();
  void cancel_running();
  void stop_others(const Error& error);
  void finish(CallEnd end);

  std::shared_ptr<ServerState> state_;
  Wire& wire_;
  StreamFrame frame_;
  std::shared_ptr<Service> service_;
  CompletionOrder order_;
  KnownCall known_;
  std::optional<CallLedger::Ticket> ticket_;  // none when another connection began the call
  std::vector<ChoiceState> choices_;
  std::vector<ChunkFormatter> formatters_;
  StreamPosition position_;  // what the client has, or will have when it has read the outbox
  bool tells_position_ = false;
  bool is_resumed_ = false;
  bool stream_begun_ = false;
  std::string json_;    // one event's, reused
  std::string event_;   // the same with its SSE frame
  std::string pieces_;  // what a batch of events adds to the stream
  std::optional<CallEnd> end_;
  Error error_;
  std::string body_;
  Signal ended_;
};

}  // namespace troupe::transport
