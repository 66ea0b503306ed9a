#include "transport/signal.h"

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <utility>

namespace troupe::transport {

struct Signal::Impl {
  explicit Impl(asio::io_context& io) : timer(io) {}

  asio::steady_timer timer;
  bool raised = false;
};

Signal::Signal(asio::io_context& io) : impl_(std::make_unique<Impl>(io)) {}

Signal::~Signal() = default;

void Signal::notify() {
  impl_->raised = true;
  impl_->timer.cancel();
}

Awaitable<void> Signal::wait() {
  co_await wait_until(TimePoint::max());
}

Awaitable<bool> Signal::wait_until(TimePoint deadline) {
  if (!impl_->raised) {
    impl_->timer.expires_at(deadline);
    asio::error_code error;  // how it ended is told by the flag
    co_await impl_->timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
  co_return std::exchange(impl_->raised, false);
}

}  // namespace troupe::transport
