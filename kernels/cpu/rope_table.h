// The cosines and sines of every position, computed once.
#pragma once

#include "engine/model/model_spec.h"

#include <cstdint>
#include <vector>

namespace troupe::cpu {

/// For positions [0, num_positions): the angle is float32(position) * inverse frequency, rounded to
/// float32, as the models were trained; its cosine and sine are rounded once.
class RopeTable {
 public:
  RopeTable(const Rope& rope, std::int32_t num_positions);

  [[nodiscard]] std::int32_t num_positions() const { return num_positions_; }

  /// Pairs that are turned: half of the rotary dimensions.
  [[nodiscard]] std::int32_t half() const { return half_; }

  /// [half], scaled by the attention factor.
  [[nodiscard]] const float* cosines(std::int32_t position) const { return row(position); }

  [[nodiscard]] const float* sines(std::int32_t position) const { return row(position) + half_; }

 private:
  [[nodiscard]] const float* row(std::int32_t position) const {
    return values_.data() + std::int64_t{position} * 2 * half_;
  }

  std::int32_t num_positions_ = 0;
  std::int32_t half_ = 0;
  std::vector<float> values_;  // [positions][cosines, sines][half]
};

}  // namespace troupe::cpu
