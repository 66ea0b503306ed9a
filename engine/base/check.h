// Checks for what only a bug can cause. On in every build.
#pragma once

#include <stdexcept>
#include <string>

namespace troupe {

/// A broken invariant. Nobody below an actor's border catches it: the actor dies and its
/// supervisor starts a new one from the durable truth.
class InvariantViolation : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Throws `InvariantViolation` with the place and the condition in its message.
[[noreturn]] void violate(const char* file,
                          int line,
                          const char* condition,
                          const std::string& message);

}  // namespace troupe

#define TROUPE_CHECK(condition, message)                          \
  do {                                                            \
    if (!(condition)) {                                           \
      ::troupe::violate(__FILE__, __LINE__, #condition, message); \
    }                                                             \
  } while (false)
