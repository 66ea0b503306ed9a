// kernels/decoder/probability_mass in device code, bit for bit: plain IEEE operations in the same
// order, none of them contracted.
#pragma once

#include "kernels/decoder/probability_mass.h"

#include <cstdint>

namespace troupe::cuda {

/// exp(x) * 2^40, rounded, for x <= 0; NaN gives 0.
__device__ __forceinline__ std::uint64_t fixed_exp(double x) {
  constexpr double kLog2E = 1.4426950408889634;
  const double exponent = __dmul_rn(x, kLog2E);
  if (!(exponent > -static_cast<double>(kWeightBits + 1))) {
    return 0;
  }
  const double whole = floor(__dadd_rn(exponent, 0.5));
  const double fraction = __dsub_rn(exponent, whole);
  constexpr double kExp2[] = {7.054911620801121e-09,
                              1.0178086009239699e-07,
                              1.3215486790144307e-06,
                              1.5252733804059841e-05,
                              1.5403530393381606e-04,
                              1.3333558146428443e-03,
                              9.6181291076284770e-03,
                              5.5504108664821580e-02,
                              2.4022650695910072e-01,
                              6.9314718055994530e-01,
                              1.0};
  double power = 0.0;
#pragma unroll
  for (const double coefficient : kExp2) {
    power = __dadd_rn(__dmul_rn(power, fraction), coefficient);
  }
  const auto scale_exponent = static_cast<long long>(static_cast<int>(whole) + kWeightBits + 1023)
                              << 52;
  const double scaled = __dmul_rn(power, __longlong_as_double(scale_exponent));
  return static_cast<std::uint64_t>(__dadd_rn(scaled, 0.5));
}

/// `share` of `mass`, at least 1 and at most all of it.
__device__ __forceinline__ std::uint64_t share_of(std::uint64_t mass, double share) {
  const double whole = __ull2double_rn(mass);
  const double part = ceil(__dmul_rn(whole, share));
  if (!(part < whole)) {
    return mass;
  }
  const auto least = static_cast<std::uint64_t>(part);
  return least > 1 ? least : 1;
}

/// A logit that the rules changed stays finite.
__device__ __forceinline__ float keep_finite(float logit) {
  constexpr float kLargest = 3.402823466e+38F;
  return fminf(fmaxf(logit, -kLargest), kLargest);
}

}  // namespace troupe::cuda
