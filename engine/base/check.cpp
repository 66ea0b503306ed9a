#include "engine/base/check.h"

namespace troupe {

void violate(const char* file, int line, const char* condition, const std::string& message) {
  throw InvariantViolation(std::string(file) + ":" + std::to_string(line) + ": " + message + " [" +
                           condition + "]");
}

}  // namespace troupe
