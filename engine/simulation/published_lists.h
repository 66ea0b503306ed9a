// Production traffic in a few numbers: for each of some published traces its size, and quantiles of
// its prompt and output lengths, so that a study runs without the traces and sees nearly what it
// would see with them. Lengths are drawn independently; which request followed which is lost.
#pragma once

#include "engine/simulation/generator.h"
#include "engine/simulation/workload.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::simulation {

struct PublishedList {
  std::string_view name;    // as the trace's file is named
  std::string_view source;  // where the trace was published, and under which licence
  std::int32_t num_requests = 0;
  double seconds = 0;                      // that the trace lasted
  std::int32_t num_shared_beginnings = 0;  // 0: the trace does not say
  std::int32_t shared_tokens = 0;
  std::vector<QuantileTable::Knot> prompt;
  std::vector<QuantileTable::Knot> output;
};

[[nodiscard]] const std::vector<PublishedList>& published_lists();

/// A list like the trace: as many requests, all at once.
[[nodiscard]] Workload imitate(const PublishedList& list, std::uint64_t seed);

}  // namespace troupe::simulation
