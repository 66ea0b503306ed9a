#include "transport/listener.h"

#include "engine/base/log.h"
#include "transport/log_gate.h"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <chrono>
#include <utility>

namespace troupe::transport {
namespace {

using asio::ip::tcp;

// Refused clients that are given time to read why; beyond it they are closed at once.
constexpr std::size_t kMaxParting = 64;

Result<tcp::endpoint> resolve(asio::io_context& io, const std::string& host, std::uint16_t port) {
  asio::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) {
    return tcp::endpoint(address, port);
  }
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(host, std::to_string(port), error);
  if (error || found.empty()) {
    return fail(ErrorCode::io, "cannot listen: \"" + host + "\" is no address of this machine");
  }
  return found.begin()->endpoint();
}

std::string where(const std::string& host, std::uint16_t port) {
  return "port " + std::to_string(port) + " of " + host;
}

Result<void> listen_at(tcp::acceptor& acceptor,
                       const tcp::endpoint& endpoint,
                       const std::string& host) {
  asio::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) {
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor.bind(endpoint, error);
  }
  if (!error) {
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (!error) {
    return {};
  }
  if (error == asio::error::address_in_use) {
    return fail(ErrorCode::io, where(host, endpoint.port()) +
                                   " is in use by another program; choose another port, or 0 for "
                                   "any free one");
  }
  return fail(ErrorCode::io,
              "cannot listen on " + where(host, endpoint.port()) + ": " + error.message());
}

}  // namespace

class Listener::Impl : public std::enable_shared_from_this<Listener::Impl> {
 public:
  explicit Impl(asio::io_context& io) : acceptor_(io), pause_(io) {}

  [[nodiscard]] tcp::acceptor& acceptor() { return acceptor_; }

  void start(std::shared_ptr<ConnectionLedger> ledger, const Limits& limits, Reception reception) {
    ledger_ = std::move(ledger);
    limits_ = &limits;
    reception_ = std::move(reception);
    asio::co_spawn(acceptor_.get_executor(), accept_all(), asio::detached);
  }

  void close() {
    asio::error_code ignored;  // closed either way
    acceptor_.close(ignored);
    pause_.cancel();
  }

 private:
  asio::awaitable<void> accept_all() {
    const auto self = shared_from_this();
    while (acceptor_.is_open()) {
      asio::error_code error;
      tcp::socket socket(acceptor_.get_executor());
      co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
      if (!error) {
        receive(std::move(socket));
        continue;
      }
      // A peer that was gone again before it was accepted is nothing to wait for.
      if (error == asio::error::connection_aborted || !acceptor_.is_open()) {
        continue;
      }
      log::warning("accept_paused", {{"why", error.message()}});
      pause_.expires_after(limits_->accept_pause);
      co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
  }

  void receive(tcp::socket&& socket) {
    asio::error_code error;
    const auto remote = socket.remote_endpoint(error);
    if (error) {
      return;  // gone again
    }
    const Peer peer = {remote.address().to_string(), remote.address().is_loopback()};
    auto ticket = ConnectionLedger::admit(ledger_, peer);
    if (ticket) {
      reception_.admit(std::move(socket), std::move(*ticket));
      return;
    }
    if (gate_.admit(std::chrono::steady_clock::now())) {
      log::warning("connection_refused", {{"connections", ledger_->num_connections()}});
    }
    if (num_parting_ < kMaxParting) {
      asio::co_spawn(acceptor_.get_executor(), part(std::move(socket)), asio::detached);
    }
  }

  // Tells one too many why, and gives it a moment to read it: closing over unread bytes would reset
  // the connection.
  asio::awaitable<void> part(tcp::socket socket) {
    const auto self = shared_from_this();
    ++num_parting_;
    asio::error_code error;
    socket.non_blocking(true, error);
    socket.write_some(asio::buffer(reception_.refusal), error);
    socket.shutdown(asio::socket_base::shutdown_send, error);
    asio::steady_timer limit(acceptor_.get_executor());
    limit.expires_after(limits_->linger_time);
    limit.async_wait([&socket](const asio::error_code& stopped) {
      if (!stopped) {
        asio::error_code ignored;  // closed either way
        socket.close(ignored);
      }
    });
    std::array<char, 1024> unread{};
    while (!error) {
      co_await socket.async_wait(asio::socket_base::wait_read,
                                 asio::redirect_error(asio::use_awaitable, error));
      if (!error) {
        socket.read_some(asio::buffer(unread), error);
      }
    }
    limit.cancel();
    --num_parting_;
  }

  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::shared_ptr<ConnectionLedger> ledger_;
  const Limits* limits_ = nullptr;
  Reception reception_;
  LogGate gate_;
  std::size_t num_parting_ = 0;
};

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {
  asio::error_code ignored;  // an open acceptor has an endpoint
  port_ = impl_->acceptor().local_endpoint(ignored).port();
}

Listener::~Listener() = default;

Result<std::unique_ptr<Listener>> Listener::open(asio::io_context& io,
                                                 const std::string& host,
                                                 std::uint16_t port) {
  auto endpoint = resolve(io, host, port);
  if (!endpoint) {
    return pass(std::move(endpoint));
  }
  auto impl = std::make_shared<Impl>(io);
  if (auto listening = listen_at(impl->acceptor(), *endpoint, host); !listening) {
    return pass(std::move(listening));
  }
  return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

std::uint16_t Listener::port() const {
  return port_;
}

void Listener::start(std::shared_ptr<ConnectionLedger> ledger,
                     const Limits& limits,
                     Reception reception) {
  impl_->start(std::move(ledger), limits, std::move(reception));
}

void Listener::close() {
  impl_->close();
}

}  // namespace troupe::transport
