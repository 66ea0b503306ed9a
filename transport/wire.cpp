#include "transport/wire.h"

#include "transport/outbox.h"
#include "transport/signal.h"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace troupe::transport {
namespace {

using Clock = std::chrono::steady_clock;

asio::io_context& context_of(TcpSocket& socket) {
  // Every socket here is made from the one io_context of its server.
  return static_cast<asio::io_context&>(socket.get_executor().context());
}

}  // namespace

class Wire::Impl : public std::enable_shared_from_this<Wire::Impl> {
 public:
  Impl(TcpSocket&& socket, const Limits& limits)
      : limits_(limits),
        socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        emptied_(context_of(socket_)),
        outbox_(limits.max_outbox_bytes) {
    timeouts_.fill(TimePoint::max());
    asio::error_code ignored;  // a socket that refuses an option works without it
    socket_.non_blocking(true, ignored);
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    // A peer that vanished without a word is found out in the end, though nothing is sent to it.
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
    socket_.set_option(asio::socket_base::send_buffer_size(limits.socket_send_bytes), ignored);
  }

  void bind(std::weak_ptr<WireOwner> owner) { owner_ = std::move(owner); }

  Awaitable<std::size_t> fill(std::span<char> scratch, std::string& input) {
    const auto self = shared_from_this();
    asio::error_code error;
    while (socket_.is_open()) {
      // Waiting apart from reading keeps an idle connection without a buffer of its own.
      co_await socket_.async_wait(asio::socket_base::wait_read,
                                  asio::redirect_error(asio::use_awaitable, error));
      if (error || !socket_.is_open()) {
        break;
      }
      const auto count = socket_.read_some(asio::buffer(scratch.data(), scratch.size()), error);
      if (!error) {
        input.append(scratch.data(), count);
        co_return count;
      }
      if (error != asio::error::would_block && error != asio::error::try_again) {
        break;
      }
    }
    co_return 0;
  }

  Result<void> push(std::string_view bytes) {
    // Nobody will read them, and the owner hears of it in its own way.
    if (!socket_.is_open()) {
      return {};
    }
    return outbox_.push(bytes);
  }

  void flush() {
    while (socket_.is_open() && !waits_for_room_ && outbox_.pending_bytes() > 0) {
      asio::error_code error;
      const auto front = outbox_.front();
      const auto count = socket_.write_some(asio::buffer(front.data(), front.size()), error);
      if (error == asio::error::would_block || error == asio::error::try_again) {
        wait_for_room();
        return;
      }
      if (error) {
        break_off();
        return;
      }
      outbox_.consume(count);
    }
    if (outbox_.pending_bytes() == 0) {
      set_timeout(Timeout::stall, TimePoint::max());
      emptied_.notify();
    }
  }

  [[nodiscard]] std::size_t pending_bytes() const { return outbox_.pending_bytes(); }

  Awaitable<void> emptied() {
    const auto self = shared_from_this();
    while (socket_.is_open() && outbox_.pending_bytes() > 0) {
      co_await emptied_.wait();
    }
  }

  void set_timeout(Timeout timeout, TimePoint at) {
    timeouts_.at(static_cast<std::size_t>(timeout)) = at;
    // Moving a timeout away costs nothing: the timer fires early once, and looks again.
    if (at < armed_for_) {
      arm();
    }
  }

  void shut_sending() {
    asio::error_code ignored;  // a peer that is gone has nothing to be told
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }

  void close() {
    timeouts_.fill(TimePoint::max());
    timer_.cancel();
    asio::error_code ignored;  // closed either way
    socket_.close(ignored);
    emptied_.notify();
  }

  [[nodiscard]] bool is_open() const { return socket_.is_open(); }

 private:
  void wait_for_room() {
    waits_for_room_ = true;
    set_timeout(Timeout::stall, Clock::now() + limits_.stall_time);
    socket_.async_wait(asio::socket_base::wait_write,
                       [self = shared_from_this()](const asio::error_code& error) {
                         self->waits_for_room_ = false;
                         if (!error) {
                           self->resume();
                         }
                       });
  }

  void resume() {
    flush();
    const auto owner = owner_.lock();
    if (owner && socket_.is_open() && outbox_.pending_bytes() < limits_.coalesce_bytes) {
      owner->on_room();
    }
  }

  // Later, so that the owner never hears of it in the middle of its own call.
  void break_off() {
    asio::error_code ignored;  // closed either way
    socket_.close(ignored);
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      self->emptied_.notify();
      if (const auto owner = self->owner_.lock()) {
        owner->on_broken();
      }
    });
  }

  void arm() {
    armed_for_ = *std::ranges::min_element(timeouts_);
    if (armed_for_ == TimePoint::max()) {
      return;
    }
    timer_.expires_at(armed_for_);
    timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
      if (!error) {
        self->look_at_clock();
      }
    });
  }

  void look_at_clock() {
    const auto now = Clock::now();
    std::array<bool, kNumTimeouts> passed{};
    for (std::size_t i = 0; i < kNumTimeouts; ++i) {
      if (timeouts_.at(i) <= now) {
        timeouts_.at(i) = TimePoint::max();
        passed.at(i) = true;
      }
    }
    arm();
    for (std::size_t i = 0; i < kNumTimeouts; ++i) {
      const auto owner = owner_.lock();
      if (passed.at(i) && owner && socket_.is_open()) {
        owner->on_timeout(static_cast<Timeout>(i));
      }
    }
  }

  const Limits& limits_;
  TcpSocket socket_;
  asio::steady_timer timer_;
  Signal emptied_;
  Outbox outbox_;
  std::weak_ptr<WireOwner> owner_;
  std::array<TimePoint, kNumTimeouts> timeouts_{};
  TimePoint armed_for_ = TimePoint::max();
  bool waits_for_room_ = false;
};

Wire::Wire(TcpSocket&& socket, const Limits& limits)
    : impl_(std::make_shared<Impl>(std::move(socket), limits)) {}

Wire::~Wire() {
  impl_->close();
}

void Wire::bind(std::weak_ptr<WireOwner> owner) {
  impl_->bind(std::move(owner));
}

Awaitable<std::size_t> Wire::fill(std::span<char> scratch, std::string& input) {
  return impl_->fill(scratch, input);
}

Result<void> Wire::push(std::string_view bytes) {
  return impl_->push(bytes);
}

void Wire::flush() {
  impl_->flush();
}

std::size_t Wire::pending_bytes() const {
  return impl_->pending_bytes();
}

Awaitable<void> Wire::emptied() {
  return impl_->emptied();
}

void Wire::set_timeout(Timeout timeout, TimePoint at) {
  impl_->set_timeout(timeout, at);
}

void Wire::shut_sending() {
  impl_->shut_sending();
}

void Wire::close() {
  impl_->close();
}

bool Wire::is_open() const {
  return impl_->is_open();
}

}  // namespace troupe::transport
