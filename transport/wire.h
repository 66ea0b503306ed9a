// One TCP connection as a stream of bytes both ways: an input that is read when it comes, an outbox
// that drains as the peer takes it, and the timeouts of both. Knows no protocol.
#pragma once

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "transport/asio_forward.h"
#include "transport/limits.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace troupe::transport {

enum class Timeout : std::uint8_t {
  input,  // the peer did not send what it owes
  stall,  // the peer takes nothing of what waits for it
  ping,   // nothing was said for long
};
inline constexpr std::size_t kNumTimeouts = 3;

/// Who hears of a wire. Called on the transport's thread, never from within a call to the wire.
class WireOwner {
 public:
  WireOwner() = default;
  WireOwner(const WireOwner&) = delete;
  WireOwner& operator=(const WireOwner&) = delete;
  virtual ~WireOwner() = default;

  virtual void on_timeout(Timeout timeout) = 0;

  /// The outbox has fallen below `Limits::coalesce_bytes` again.
  virtual void on_room() = 0;

  /// The peer cannot be written to any more.
  virtual void on_broken() = 0;
};

/// Owned by one connection, on the transport's thread.
class Wire {
 public:
  Wire(TcpSocket&& socket, const Limits& limits);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// Tells who owns this wire. Events are dropped once the owner is gone.
  void bind(std::weak_ptr<WireOwner> owner);

  /// Waits for bytes, reads up to `scratch.size()` of them and appends them to `input`. Gives how
  /// many; 0 when the peer has closed its side or is gone.
  [[nodiscard]] Awaitable<std::size_t> fill(std::span<char> scratch, std::string& input);

  /// Appends to the outbox; `flush` sends. Error: `slow_consumer`.
  [[nodiscard]] Result<void> push(std::string_view bytes);

  /// Sends what the peer takes now, and the rest when it takes more. Never blocks.
  void flush();

  [[nodiscard]] std::size_t pending_bytes() const;

  /// Waits until nothing is pending, or the wire is closed.
  [[nodiscard]] Awaitable<void> emptied();

  /// Sets or moves a timeout, or takes it away with `TimePoint::max()`.
  void set_timeout(Timeout timeout, TimePoint at);

  /// Tells the peer that nothing more will come.
  void shut_sending();

  /// Ends both directions at once; waiting coroutines go on.
  void close();

  [[nodiscard]] bool is_open() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // shared with the operations under way
};

}  // namespace troupe::transport
