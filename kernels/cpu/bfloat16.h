// bfloat16 as its bits, and the conversions that single values need; rows have kernels of their
// own.
#pragma once

#include <bit>
#include <cstdint>

namespace troupe::cpu {

/// The upper half of an IEEE-754 binary32.
using Bf16 = std::uint16_t;

[[nodiscard]] constexpr float widen(Bf16 bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

/// Round to nearest, ties to even. A NaN stays one.
[[nodiscard]] constexpr Bf16 narrow(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (value != value) {
    return static_cast<Bf16>((bits >> 16U) | 0x40U);
  }
  return static_cast<Bf16>((bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U);
}

/// An IEEE-754 binary16, exactly.
[[nodiscard]] constexpr float widen_half(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t exponent = (half >> 10U) & 0x1fU;
  const std::uint32_t fraction = half & 0x3ffU;
  if (exponent == 0) {  // zero, or a subnormal: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1fU ? 0xffU : exponent + 112U;
  return std::bit_cast<float>(sign | (wide << 23U) | (fraction << 13U));
}

}  // namespace troupe::cpu
