// The port through which clients enter: transports use it, the company of actors implements it,
// a fake stands in for it in the transport's tests.
#pragma once

#include "engine/api/event.h"
#include "engine/api/request.h"
#include "engine/api/statistics.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace troupe {

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
