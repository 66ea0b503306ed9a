// Angles in float32, their cosines in double.
#include "kernels/cpu/rope_table.h"

#include <cmath>

namespace troupe::cpu {

RopeTable::RopeTable(const Rope& rope, std::int32_t num_positions)
    : num_positions_(num_positions), half_(rope.rotary_dim / 2) {
  values_.reserve(static_cast<std::size_t>(num_positions) * 2 * static_cast<std::size_t>(half_));
  for (std::int32_t position = 0; position < num_positions; ++position) {
    for (const bool sine : {false, true}) {
      for (std::int32_t i = 0; i < half_; ++i) {
        const float angle =
            static_cast<float>(position) * rope.inverse_frequency[static_cast<std::size_t>(i)];
        const double exact = sine ? std::sin(double{angle}) : std::cos(double{angle});
        values_.push_back(static_cast<float>(exact) * rope.attention_factor);
      }
    }
  }
}

}  // namespace troupe::cpu
