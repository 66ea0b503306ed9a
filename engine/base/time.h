// Monotonic time. The engine never reads a clock: time comes in as an argument.
#pragma once

#include <chrono>

namespace troupe {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

}  // namespace troupe
