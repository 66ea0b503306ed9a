// A flag that a coroutine can wait for. Belongs to the transport's thread, like all that uses it.
#pragma once

#include "engine/base/time.h"
#include "transport/asio_forward.h"

#include <memory>

namespace troupe::transport {

/// Raised by `notify`, lowered by the wait that sees it. One waiter at a time; a flag raised with
/// nobody waiting is kept, so no wake-up is lost. Must outlive its waiter.
class Signal {
 public:
  explicit Signal(asio::io_context& io);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void notify();

  [[nodiscard]] Awaitable<void> wait();

  /// Gives false when `deadline` passed first.
  [[nodiscard]] Awaitable<bool> wait_until(TimePoint deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace troupe::transport
