// What a rehearsal throws when the house breaks a promise, by the promise's name.
#pragma once

#include "engine/base/check.h"

#include <string>
#include <utility>

namespace troupe::rehearsal {

/// `promise`: a short name, e.g. "I14 one end".
class Violation : public InvariantViolation {
 public:
  Violation(std::string promise, const std::string& what)
      : InvariantViolation(promise + ": " + what), promise_(std::move(promise)) {}

  [[nodiscard]] const std::string& promise() const { return promise_; }

 private:
  std::string promise_;
};

}  // namespace troupe::rehearsal

/// The message is made only when the promise is broken.
#define TROUPE_PROMISE(condition, promise, message)             \
  do {                                                          \
    if (!(condition)) {                                         \
      throw ::troupe::rehearsal::Violation(promise, (message)); \
    }                                                           \
  } while (false)
