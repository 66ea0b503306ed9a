#include "transport/drain_rate.h"

#include <algorithm>

namespace troupe::transport {

void DrainRate::on_end(TimePoint now) {
  if (has_last_) {
    // Each new gap counts an eighth, so that the mean follows a change within some ten requests.
    constexpr int kWeight = 8;
    const auto gap = now - last_;
    mean_gap_ = has_gap_ ? mean_gap_ + (gap - mean_gap_) / kWeight : gap;
    has_gap_ = true;
  }
  last_ = now;
  has_last_ = true;
}

Duration DrainRate::advice() const {
  return has_gap_ ? std::clamp(mean_gap_, kShortest, kLongest) : kUnknown;
}

}  // namespace troupe::transport
