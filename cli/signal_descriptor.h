// Signals as something to poll, like a socket.
#pragma once

#include <initializer_list>

namespace troupe::cli {

/// Blocks some signals for the calling thread and those it starts later, for good, and collects
/// them in a file descriptor instead. Owned by one thread. They stay blocked when it has gone: a
/// signal that comes while a program is leaving shall not change its exit code.
class SignalDescriptor {
 public:
  explicit SignalDescriptor(std::initializer_list<int> signals);
  ~SignalDescriptor();
  SignalDescriptor(const SignalDescriptor&) = delete;
  SignalDescriptor& operator=(const SignalDescriptor&) = delete;

  /// Readable while a signal waits to be taken.
  [[nodiscard]] int descriptor() const { return descriptor_; }

  /// The next signal that arrived, or 0. Never blocks.
  [[nodiscard]] int take() const;

 private:
  int descriptor_ = -1;
};

}  // namespace troupe::cli
