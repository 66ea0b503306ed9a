// A bound on log lines that strangers can cause.
#pragma once

#include "engine/base/time.h"

#include <cstdint>

namespace troupe::transport {

/// Lets some lines a second pass and counts the others. Time comes in as an argument.
class LogGate {
 public:
  [[nodiscard]] bool admit(TimePoint now) {
    if (now - window_ >= kWindow) {
      window_ = now;
      num_admitted_ = 0;
    }
    if (num_admitted_ < kLinesPerWindow) {
      ++num_admitted_;
      return true;
    }
    ++num_suppressed_;
    return false;
  }

  /// The lines that were held back so far.
  [[nodiscard]] std::uint64_t num_suppressed() const { return num_suppressed_; }

  static constexpr Duration kWindow = std::chrono::seconds(1);
  static constexpr int kLinesPerWindow = 20;

 private:
  TimePoint window_{};
  int num_admitted_ = 0;
  std::uint64_t num_suppressed_ = 0;
};

}  // namespace troupe::transport
