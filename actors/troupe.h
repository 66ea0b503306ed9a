// The door for plain C++: an engine that lives in your process. No CAF type in sight; it owns its
// actor system. For programs that use CAF themselves see caf_door.h.
#pragma once

#include "actors/company.h"
#include "engine/api/service.h"
#include "engine/base/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// A whole answer.
struct Completion {
  std::string text;
  std::vector<TokenId> tokens;
  Finished end;
};

/// The events of one request, to be pulled. Owned by one thread. Destroying it cancels the request.
class Generation {
 public:
  Generation(Generation&&) noexcept;
  Generation& operator=(Generation&&) noexcept;
  ~Generation();

  /// Blocks for the next event; nothing after the end was returned.
  [[nodiscard]] std::optional<Event> next();

  /// Blocks for the end and returns the whole answer, or the request's error.
  [[nodiscard]] Result<Completion> wait();

  [[nodiscard]] RequestId request() const;

 private:
  friend class Troupe;
  struct State;
  explicit Generation(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A running company. Any thread may call it. The destructor cancels what still runs.
class Troupe : public Service {
 public:
  /// Starts the actors and waits until the engines are ready. Errors: what the backend factory
  /// says, `invalid_value` for a configuration that cannot work.
  [[nodiscard]] static Result<std::unique_ptr<Troupe>> start(CompanyParts parts);
  ~Troupe() override;

  /// Takes a request whose events are pulled. Errors: those of `validate`.
  [[nodiscard]] Result<Generation> generate(GenerateRequest request);

  /// Takes a request whose events are pushed: `callback` runs on an engine's thread, in order, and
  /// must not block. Errors: those of `validate`.
  [[nodiscard]] Result<RequestId> generate(GenerateRequest request,
                                           std::function<void(const Event&)> callback);

  /// Refuses new requests, and waits until those that were accepted have ended, but not longer
  /// than `patience`. Returns how many were left.
  std::int32_t drain(Duration patience);

  const ModelCard& model() const override;
  Result<RequestId> submit(GenerateRequest request, std::shared_ptr<EventSink> sink) override;
  void cancel(RequestId request) override;
  void fetch(RequestId request, std::function<void(Result<RequestSnapshot>)> done) override;
  void attach(RequestId request, std::int32_t num_places, std::shared_ptr<EventSink> sink) override;
  void tokenize(Prompt prompt, std::function<void(Result<std::vector<TokenId>>)> done) override;
  void detokenize(std::vector<TokenId> tokens,
                  std::function<void(Result<std::string>)> done) override;
  void status(std::function<void(ServiceStatus)> done) override;
  void metrics(std::function<void(std::string)> done) override;

 private:
  struct State;
  explicit Troupe(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace troupe
