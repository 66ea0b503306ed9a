#include "transport/server.h"

#include "engine/base/log.h"
#include "transport/error_reply.h"
#include "transport/http_connection.h"
#include "transport/listener.h"
#include "transport/server_state.h"
#include "transport/tlp_codec.h"
#include "transport/tlp_connection.h"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <exception>
#include <future>
#include <random>
#include <thread>
#include <utility>

namespace troupe::transport {
namespace {

// For peers to take their last bytes when the server stops.
constexpr auto kStopTime = std::chrono::milliseconds(500);

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

Error too_many_connections() {
  return {ErrorCode::resource_exhausted, "the server has as many connections as it may", {}};
}

std::string http_refusal() {
  std::string out;
  append_reply(out, error_reply(too_many_connections(), {}), {false, false});
  return out;
}

std::string tlp_refusal() {
  std::string out;
  append_problem(out, {}, too_many_connections());
  return out;
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, std::shared_ptr<Service> service)
      : work_(io_.get_executor()),
        state_(std::make_shared<ServerState>(std::move(options), io_, random_seed())) {
    state_->service = std::move(service);
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() { stop(); }

  Result<void> listen() {
    const auto& options = state_->options;
    auto http = Listener::open(io_, options.host, options.http_port);
    if (!http) {
      return pass(std::move(http));
    }
    http_ = std::move(*http);
    if (options.tcp_port) {
      auto tlp = Listener::open(io_, options.host, *options.tcp_port);
      if (!tlp) {
        return pass(std::move(tlp));
      }
      tlp_ = std::move(*tlp);
    }
    return {};
  }

  void run() {
    const auto& limits = state_->options.limits;
    http_->start(state_->ledger, limits,
                 {[state = state_](TcpSocket&& socket, ConnectionLedger::Ticket ticket) {
                    serve_http(state, std::move(socket), std::move(ticket));
                  },
                  http_refusal()});
    if (tlp_) {
      tlp_->start(state_->ledger, limits,
                  {[state = state_](TcpSocket&& socket, ConnectionLedger::Ticket ticket) {
                     serve_tlp(state, std::move(socket), std::move(ticket));
                   },
                   tlp_refusal()});
    }
    thread_ = std::thread([this] { turn(); });
  }

  [[nodiscard]] std::uint16_t http_port() const { return http_->port(); }

  [[nodiscard]] std::optional<std::uint16_t> tcp_port() const {
    return tlp_ ? std::optional(tlp_->port()) : std::nullopt;
  }

  void attach(std::shared_ptr<Service> service) {
    asio::post(io_, [state = state_, service = std::move(service)]() mutable {
      state->service = std::move(service);
    });
  }

  void drain() {
    asio::post(io_, [state = state_] { state->drain(); });
  }

  bool wait_until_idle(Duration limit) {
    if (!thread_.joinable()) {
      return true;
    }
    auto promise = std::make_shared<std::promise<void>>();
    auto idle = promise->get_future();
    asio::post(io_, [this, promise] {
      asio::co_spawn(io_, tell_when_idle(state_, promise), asio::detached);
    });
    return idle.wait_for(limit) == std::future_status::ready;
  }

  void stop() {
    if (!thread_.joinable()) {
      return;
    }
    asio::post(io_, [this] {
      http_->close();
      if (tlp_) {
        tlp_->close();
      }
      state_->shut_down({ErrorCode::draining, "the server has been stopped", {}});
      work_.reset();
      stop_timer_.expires_after(kStopTime);
      stop_timer_.async_wait([this](const asio::error_code& /*error*/) { io_.stop(); });
      watch_for_end();
    });
    thread_.join();
    state_->inbox->close();
  }

 private:
  static Awaitable<void> tell_when_idle(std::shared_ptr<ServerState> state,
                                        std::shared_ptr<std::promise<void>> promise) {
    while (state->num_exchanges > 0) {
      co_await state->idle.wait();
    }
    promise->set_value();
  }

  // Ends early when the last connection has gone.
  void watch_for_end() {
    if (state_->connections.empty()) {
      io_.stop();
      return;
    }
    end_timer_.expires_after(std::chrono::milliseconds(1));
    end_timer_.async_wait([this](const asio::error_code& error) {
      if (!error) {
        watch_for_end();
      }
    });
  }

  void turn() {
    for (;;) {
      // Handlers guard themselves; what escapes one all the same must not end the others.
      try {
        io_.run();
        return;
      } catch (const std::exception& thrown) {
        log::error("transport_handler_died", {{"what", thrown.what()}});
      }
    }
  }

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer stop_timer_{io_};
  asio::steady_timer end_timer_{io_};
  std::shared_ptr<ServerState> state_;
  std::unique_ptr<Listener> http_;
  std::unique_ptr<Listener> tlp_;
  std::thread thread_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(ServerOptions options,
                                              std::shared_ptr<Service> service) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(service));
  if (auto listening = impl->listen(); !listening) {
    return pass(std::move(listening));
  }
  impl->run();
  log::info("listening",
            {{"http_port", impl->http_port()}, {"tcp_port", impl->tcp_port().value_or(0)}});
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::http_port() const {
  return impl_->http_port();
}

std::optional<std::uint16_t> Server::tcp_port() const {
  return impl_->tcp_port();
}

void Server::attach(std::shared_ptr<Service> service) {
  impl_->attach(std::move(service));
}

void Server::drain() {
  impl_->drain();
}

bool Server::wait_until_idle(Duration limit) {
  return impl_->wait_until_idle(limit);
}

void Server::stop() {
  impl_->stop();
}

}  // namespace troupe::transport
