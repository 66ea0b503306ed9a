// A `Service` without an engine: it answers by script at once, or waits for the test to say what
// happens. Stands in for the company of actors in the transport's tests.
#pragma once

#include "engine/api/service.h"
#include "engine/gateway/request_account.h"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe::testing {

/// What an answering service says to every request, after `Accepted`.
struct Script {
  std::vector<Event> events;
};

/// `Hello`, ` world`, then `Finished` with two output tokens.
[[nodiscard]] Script default_script();

/// All methods may be called from any thread. A text is tokenised into its bytes.
class FakeService : public Service {
 public:
  enum class Manner : std::uint8_t {
    answers,  // each request hears the script within `submit`
    waits,    // each request hears what the test delivers
    silent,   // as `waits`, and status, metrics and tokens are never told either
  };

  explicit FakeService(Manner manner = Manner::answers);

  void set_script(Script script);
  void set_status(ServiceStatus status);

  /// From now on `submit` refuses with `error`.
  void refuse_with(Error error);

  /// Blocks until `count` requests were submitted. Gives false after ten seconds.
  [[nodiscard]] bool wait_for_requests(std::size_t count);

  /// Blocks until request number `index` was cancelled. Gives false after ten seconds.
  [[nodiscard]] bool wait_for_cancel(std::size_t index);

  /// Blocks until sinks were attached `count` times. Gives false after ten seconds.
  [[nodiscard]] bool wait_for_attached(std::size_t count);

  /// The result of request number `index` is kept no longer.
  void forget(std::size_t index);

  /// From now on the model accepts no priority. Before the first request.
  void refuse_priorities() { model_.accepts_priority = false; }

  [[nodiscard]] std::size_t num_requests() const;
  [[nodiscard]] std::size_t num_cancelled() const;
  [[nodiscard]] GenerateRequest request(std::size_t index) const;

  /// Tells request number `index`, counted from 0, an event.
  void deliver(std::size_t index, Event event);

  /// Short for a delta of one token.
  void say(std::size_t index, std::string text);

  /// Short for an end by stop, with the tokens that were said.
  void finish(std::size_t index);

  [[nodiscard]] const ModelCard& model() const override { return model_; }

  [[nodiscard]] Result<RequestId> submit(GenerateRequest request,
                                         std::shared_ptr<EventSink> sink) override;
  void cancel(RequestId request) override;
  void fetch(RequestId request, std::function<void(Result<RequestSnapshot>)> done) override;
  void attach(RequestId request, std::int32_t num_places, std::shared_ptr<EventSink> sink) override;
  void tokenize(Prompt prompt, std::function<void(Result<std::vector<TokenId>>)> done) override;
  void detokenize(std::vector<TokenId> tokens,
                  std::function<void(Result<std::string>)> done) override;
  void status(std::function<void(ServiceStatus)> done) override;
  void metrics(std::function<void(std::string)> done) override;

 private:
  struct Entry {
    GenerateRequest request;
    std::shared_ptr<EventSink> sink;  // null once it has heard its end
    RequestAccount account;
    bool cancelled = false;
    bool forgotten = false;
  };

  void tell(Entry& entry, Event event);

  ModelCard model_;
  Manner manner_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Script script_;
  ServiceStatus status_;
  std::optional<Error> refusal_;
  std::vector<Entry> entries_;  // request id = place + 1
  std::size_t num_attached_ = 0;
};

[[nodiscard]] Delta delta(std::string text);

[[nodiscard]] Finished finished(std::int32_t num_prompt_tokens, std::int32_t num_output_tokens);

}  // namespace troupe::testing
