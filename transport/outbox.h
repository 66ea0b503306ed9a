// Bytes on their way to one client. Bounded; what a client does not take in time is never ours to
// keep.
#pragma once

#include "engine/base/result.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::transport {

/// A queue of bytes. Not thread-safe.
class Outbox {
 public:
  explicit Outbox(std::size_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  /// Appends all of `bytes` or nothing. An empty outbox takes one piece of any size, since the
  /// client has not been slow. Error: `slow_consumer` when they do not fit behind what waits.
  [[nodiscard]] Result<void> push(std::string_view bytes);

  /// The bytes that go next; valid until the next `push` or `consume`.
  [[nodiscard]] std::string_view front() const;

  /// Drops the first `count` bytes of `front()`.
  void consume(std::size_t count);

  [[nodiscard]] std::size_t pending_bytes() const { return bytes_.size() - begin_; }

 private:
  std::size_t capacity_bytes_;
  std::string bytes_;
  std::size_t begin_ = 0;  // what stands before it has been sent
};

}  // namespace troupe::transport
