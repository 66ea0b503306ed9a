// What a seed decides: small draws from a counter-based stream, the same on every machine.
#pragma once

#include "engine/base/random.h"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace troupe::rehearsal {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : seed_(seed) {}

  /// 64 uniform bits.
  std::uint64_t operator()() { return random_bits(seed_, ++counter_); }

  /// In [0, count). Checked by nobody: `count` > 0.
  std::size_t below(std::size_t count) { return static_cast<std::size_t>((*this)() % count); }

  /// In [low, high].
  std::int32_t between(std::int32_t low, std::int32_t high) {
    return low + static_cast<std::int32_t>(below(static_cast<std::size_t>(high - low) + 1));
  }

  bool one_in(std::int32_t count) { return between(1, count) == 1; }

  /// In [low, high], small numbers as often as great ones.
  std::int32_t log_between(std::int32_t low, std::int32_t high) {
    const auto less = high >> between(0, 4);
    return between(low, less > low ? less : low);
  }

  template <class Range>
  auto& pick(Range& range) {
    return range[below(range.size())];
  }

  template <class Range>
  void shuffle(Range& range) {
    for (auto left = range.size(); left > 1; --left) {
      std::swap(range[left - 1], range[below(left)]);
    }
  }

 private:
  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
};

}  // namespace troupe::rehearsal
