// Counter-based random numbers: a pure function of (seed, counter), so that a draw depends on
// nothing that happened before. The mixer is SplitMix64's finaliser (Steele, Lea, Flood 2014).
#pragma once

#include <cstdint>

namespace troupe {

/// A bijection of 64 bits in which each input bit flips about half of the output bits.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31U);
}

/// The draw number `counter` of the stream `seed`: 64 uniform bits.
[[nodiscard]] constexpr std::uint64_t random_bits(std::uint64_t seed, std::uint64_t counter) {
  return mix(mix(seed) ^ mix(counter + 0x632be59bd9b4e019ULL));
}

}  // namespace troupe
