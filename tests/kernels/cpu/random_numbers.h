// Random inputs for kernels, and how far a result is from what it should be.
#pragma once

#include "kernels/cpu/bfloat16.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace troupe::test {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr cpu::Bf16 kNanBits = 0x7fc0;

/// Normal numbers from one seed.
class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint32_t seed) : random_(seed) {}

  float number() { return normal_(random_); }

  /// In [low, high].
  std::int32_t between(std::int32_t low, std::int32_t high) {
    return std::uniform_int_distribution<std::int32_t>(low, high)(random_);
  }

  std::vector<float> floats(std::int64_t count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (auto& value : values) {
      value = number();
    }
    return values;
  }

  std::vector<cpu::Bf16> narrow_floats(std::int64_t count) {
    std::vector<cpu::Bf16> values(static_cast<std::size_t>(count));
    for (auto& value : values) {
      value = cpu::narrow(number());
    }
    return values;
  }

  std::mt19937& engine() { return random_; }

 private:
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
};

/// |a - b|, at most `relative` of 1 + |b|. False for NaN.
[[nodiscard]] inline bool near(double a, double b, double relative) {
  return std::abs(a - b) <= relative * (1.0 + std::abs(b));
}

}  // namespace troupe::test
