// A server on free ports in front of a fake service, quiet and quick to lose patience.
#pragma once

#include "engine/base/log.h"
#include "transport/server.h"

#include "tests/support/fake_service.h"
#include "tests/support/raw_client.h"

#include <doctest/doctest.h>

#include <memory>
#include <utility>

namespace troupe::testing {

class TestServer {
 public:
  explicit TestServer(FakeService::Manner manner = FakeService::Manner::answers,
                      transport::ServerOptions options = {})
      : service_(std::make_shared<FakeService>(manner)) {
    log::set_level(log::Level::off);
    options.http_port = 0;
    options.tcp_port = 0;
    auto started = transport::Server::start(std::move(options), service_);
    REQUIRE(started.has_value());
    server_ = std::move(*started);
  }

  [[nodiscard]] FakeService& service() { return *service_; }

  [[nodiscard]] transport::Server& server() { return *server_; }

  [[nodiscard]] std::uint16_t http_port() const { return server_->http_port(); }

  [[nodiscard]] std::uint16_t tcp_port() const { return server_->tcp_port().value_or(0); }

  /// True when the server still serves, whatever was done to it.
  [[nodiscard]] bool is_alive() const {
    return answer_to(http_port(), get("/health")).status == 200;
  }

 private:
  std::shared_ptr<FakeService> service_;
  std::unique_ptr<transport::Server> server_;
};

}  // namespace troupe::testing
