// A question to the service whose answer a coroutine waits for, with a limit on its patience.
#pragma once

#include "engine/base/time.h"
#include "transport/event_inbox.h"
#include "transport/signal.h"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace troupe::transport {

/// Belongs to the transport's thread; the callback may be called from any. An answer that comes
/// when nobody waits any more is dropped.
template <class T>
class PendingAnswer : public std::enable_shared_from_this<PendingAnswer<T>> {
 public:
  explicit PendingAnswer(asio::io_context& io) : arrived_(io) {}

  /// What the service calls, once.
  [[nodiscard]] std::function<void(T)> callback(std::shared_ptr<EventInbox> inbox) {
    return [self = this->shared_from_this(), inbox = std::move(inbox)](T answer) {
      // std::function wants what it holds to be copyable.
      auto held = std::make_shared<T>(std::move(answer));
      inbox->post([self, held] {
        self->answer_ = std::move(*held);
        self->arrived_.notify();
      });
    };
  }

  [[nodiscard]] Signal& arrived() { return arrived_; }

  [[nodiscard]] std::optional<T>& answer() { return answer_; }

 private:
  Signal arrived_;
  std::optional<T> answer_;
};

}  // namespace troupe::transport
