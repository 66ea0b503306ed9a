// One HTTP request at a time from the bytes of a connection: the parser, the judgement of the head,
// and what a request owes the clock. Decides, but reads and writes nothing itself.
#pragma once

#include "engine/base/time.h"
#include "transport/http_message.h"
#include "transport/http_parser.h"
#include "transport/http_router.h"
#include "transport/server_state.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace troupe::transport {

/// A request and what its head was found to mean.
struct Incoming {
  HttpRequest request;
  RouteMatch match;
  std::string tenant;              // whose key was shown; empty when none is asked for
  std::optional<HttpReply> reply;  // the answer, if the head alone decided it
  bool must_close = false;         // its end is unknown, so nothing can follow on the connection
};

/// Bytes of a body count against the house while this lives.
class BodyCharge {
 public:
  explicit BodyCharge(std::shared_ptr<ServerState> state) : state_(std::move(state)) {}

  BodyCharge(const BodyCharge&) = delete;
  BodyCharge& operator=(const BodyCharge&) = delete;

  ~BodyCharge() { set(0); }

  /// Gives false when the house has no room for that many.
  bool set(std::size_t bytes);

 private:
  std::shared_ptr<ServerState> state_;
  std::size_t charged_ = 0;
};

class RequestReader {
 public:
  enum class Step : std::uint8_t {
    need_more,  // bytes must come
    go_on,      // the peer waits for `100 Continue`
    complete,   // `take` it
  };

  explicit RequestReader(std::shared_ptr<ServerState> state);

  /// Takes what it can from the front of `input`. Time comes in as an argument.
  [[nodiscard]] Step read(std::string& input, TimePoint now);

  /// When the peer must have sent more; `max()` while nothing of a request is there.
  [[nodiscard]] TimePoint deadline() const { return deadline_; }

  /// The answer to a peer that missed the deadline, or none when it owed nothing.
  [[nodiscard]] std::optional<HttpReply> timeout_reply() const;

  /// Where a peer left that did not finish its request: "idle", "head", "body".
  [[nodiscard]] std::string_view phase() const;

  /// After `complete`. The charge for the body stays until the reader goes.
  [[nodiscard]] Incoming take();

 private:
  void judge();
  void refuse(HttpReply reply);
  void owe(TimePoint now);

  std::shared_ptr<ServerState> state_;
  HttpParser parser_;
  BodyCharge charge_;
  Incoming incoming_;
  bool judged_ = false;
  bool complete_ = false;
  TimePoint began_{};  // of what is being read now: the head, or the body
  HttpParser::State owed_ = HttpParser::State::done;  // for which `began_` counts; none yet
  TimePoint deadline_ = TimePoint::max();
};

}  // namespace troupe::transport
