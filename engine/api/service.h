// The port through which clients enter: transports use it, the company of actors implements it,
// a fake stands in for it in the transport's tests.
#pragma once

#include "engine/api/event.h"
#include "engine/api/request.h"
#include "engine/api/statistics.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe {

/// Where a request is in its life. `running`: there is output.
enum class RequestPhase : std::uint8_t { queued, running, finished, failed };

[[nodiscard]] std::string_view to_string(RequestPhase phase);

/// A request as it stands, live or ended.
struct RequestSnapshot {
  RequestPhase phase = RequestPhase::queued;
  std::string model;
  Delta output;  // all that its client could have heard so far
  Usage usage;
  Timing timing;
  std::optional<Finished> finished;  // when finished
  std::optional<Error> error;        // when failed
};

class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  /// The served model. Constant; any thread.
  [[nodiscard]] virtual const ModelCard& model() const = 0;

  /// Takes a request. `sink` hears `Accepted` and then deltas and one end, or `Failed` at once.
  /// The sink is held until its end was delivered. Any thread; never blocks.
  /// Errors: those of `validate`, before anything was started; the sink then hears nothing.
  [[nodiscard]] virtual Result<RequestId> submit(GenerateRequest request,
                                                 std::shared_ptr<EventSink> sink) = 0;

  /// Ends a request: its sink hears `Failed{cancelled}` unless it has ended already. Cancelling
  /// twice, or what has ended, changes nothing. Any thread; never blocks.
  virtual void cancel(RequestId request) = 0;

  /// Tells how a request stands; `done` is called once, from a thread of the engine. Results of
  /// ended requests are kept for a while. Error: `not_found` for one that never was, or has gone.
  virtual void fetch(RequestId request, std::function<void(Result<RequestSnapshot>)> done) = 0;

  /// Gives a request a new sink, for a client that has the first `num_places` places of its output
  /// (see `num_places` of a delta). It hears `Accepted`, then all deltas there are and that come,
  /// to the end. A number inside a delta is taken for the place before it. The sink of before hears
  /// `Failed{cancelled}`. Any thread; never blocks.
  /// Errors, as `Failed` to the new sink alone: `not_found` as in `fetch`, `invalid_value` for more
  /// places than there are.
  virtual void attach(RequestId request,
                      std::int32_t num_places,
                      std::shared_ptr<EventSink> sink) = 0;

  /// Turns a prompt into tokens; `done` is called once, from a thread of the engine.
  virtual void tokenize(Prompt prompt, std::function<void(Result<std::vector<TokenId>>)> done) = 0;

  /// Turns tokens into text; `done` is called once, from a thread of the engine.
  virtual void detokenize(std::vector<TokenId> tokens,
                          std::function<void(Result<std::string>)> done) = 0;

  /// How the house is; `done` is called once, from a thread of the engine.
  virtual void status(std::function<void(ServiceStatus)> done) = 0;

  /// The metrics in Prometheus' text format 0.0.4; `done` likewise.
  virtual void metrics(std::function<void(std::string)> done) = 0;
};

}  // namespace troupe
