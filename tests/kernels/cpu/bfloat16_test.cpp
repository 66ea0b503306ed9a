// Exhaustive where the type is small enough.
#include "kernels/cpu/bfloat16.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace troupe::cpu {
namespace {

TEST_CASE("every bfloat16 but a signalling NaN survives widening and narrowing") {
  for (std::uint32_t bits = 0; bits <= 0xffffU; ++bits) {
    const auto value = static_cast<Bf16>(bits);
    const auto back = narrow(widen(value));
    if (std::isnan(widen(value))) {
      REQUIRE(std::isnan(widen(back)));
    } else {
      REQUIRE(back == value);
    }
  }
}

TEST_CASE("narrowing goes to the nearest bfloat16, and from half way to the even one") {
  CHECK(widen(narrow(1.0F)) == 1.0F);
  CHECK(widen(narrow(1.00390625F)) == 1.0F);       // half way between 1 and 1 + 2^-7
  CHECK(widen(narrow(1.01171875F)) == 1.015625F);  // half way between 1 + 2^-7 and 1 + 2^-6
  CHECK(widen(narrow(1.004F)) == 1.0078125F);
  CHECK(widen(narrow(std::numeric_limits<float>::max())) == std::numeric_limits<float>::infinity());
  CHECK(std::signbit(widen(narrow(-0.0F))));
}

TEST_CASE("every float16 is widened exactly") {
  for (std::uint32_t bits = 0; bits <= 0xffffU; ++bits) {
    const float widened = widen_half(static_cast<std::uint16_t>(bits));
    const auto exponent = static_cast<int>((bits >> 10U) & 0x1fU);
    const auto fraction = static_cast<double>(bits & 0x3ffU) / 1024.0;
    const double sign = (bits & 0x8000U) != 0 ? -1.0 : 1.0;
    CAPTURE(bits);
    if (exponent == 31 && fraction != 0.0) {
      REQUIRE(std::isnan(widened));
    } else if (exponent == 31) {
      REQUIRE(double{widened} == sign * std::numeric_limits<double>::infinity());
    } else if (exponent == 0) {
      REQUIRE(double{widened} == sign * std::ldexp(fraction, -14));
    } else {
      REQUIRE(double{widened} == sign * std::ldexp(1.0 + fraction, exponent - 15));
    }
  }
}

}  // namespace
}  // namespace troupe::cpu
