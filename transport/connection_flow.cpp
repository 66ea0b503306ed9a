#include "transport/connection_flow.h"

#include "engine/base/log.h"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>
#include <utility>

namespace troupe::transport {

void start_flow(asio::io_context& io, Awaitable<void> flow, std::function<void()> leave) {
  asio::co_spawn(io, std::move(flow), [leave = std::move(leave)](std::exception_ptr thrown) {
    if (!thrown) {
      return;
    }
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& known) {
      log::error("connection_died", {{"what", known.what()}});
    }
    leave();
  });
}

}  // namespace troupe::transport
