// Lists of requests that nobody recorded: lengths and arrivals drawn from stated distributions. A
// list is a pure function of its parameters and a seed, the same on every machine.
#pragma once

#include "engine/base/time.h"
#include "engine/simulation/workload.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe::simulation {

/// All lengths are whole, and at least 1.
struct ConstantLength {
  std::int32_t length = 1;
};

struct NormalLengths {
  double mean = 0;
  double sigma = 0;
};

/// Each with the same chance.
struct ChoiceOfLengths {
  std::vector<std::int32_t> lengths;
};

/// A heavy tail, cut off at both ends.
struct LognormalLengths {
  double median = 0;
  double sigma = 0;  // of the logarithm
  std::int32_t shortest = 1;
  std::int32_t longest = 0;
};

/// Straight lines between quantiles: `share` of all lengths are no longer than `length`. Ascending
/// in both, from 0 to 1.
struct QuantileTable {
  struct Knot {
    double share = 0;
    double length = 0;
  };

  std::string name;  // for print-outs
  std::vector<Knot> knots;
};

using LengthLaw =
    std::variant<ConstantLength, NormalLengths, ChoiceOfLengths, LognormalLengths, QuantileTable>;

/// E.g. `normal(mean 370, sigma 200)`.
[[nodiscard]] std::string describe(const LengthLaw& law);

struct AllAtOnce {};

struct PoissonArrivals {
  double per_second = 1;
};

/// `size` requests at the same moment, at `every` another such burst.
struct BurstArrivals {
  std::int32_t size = 1;
  Duration every{};
};

using ArrivalLaw = std::variant<AllAtOnce, PoissonArrivals, BurstArrivals>;

[[nodiscard]] std::string describe(const ArrivalLaw& law);

struct GeneratorOptions {
  std::string name;
  std::int32_t num_requests = 0;
  LengthLaw prompt = ConstantLength{1};
  LengthLaw output = ConstantLength{1};
  ArrivalLaw arrival = AllAtOnce{};
  /// So many groups of requests, each with a beginning of its own of `shared_tokens` tokens that
  /// all its prompts have, as far as they reach. 0: no prompts begin alike.
  std::int32_t num_shared_beginnings = 0;
  std::int32_t shared_tokens = 0;
};

/// Checked: the parameters make sense. The seed stands in the list's origin, with all parameters.
[[nodiscard]] Workload generate(const GeneratorOptions& options, std::uint64_t seed);

/// The same requests, in the same order, at other times.
[[nodiscard]] Workload with_arrivals(Workload workload, const ArrivalLaw& law, std::uint64_t seed);

/// The same requests; about one in `one_in` of them has this priority, the others keep theirs.
[[nodiscard]] Workload with_urgent_ones(Workload workload,
                                        std::int32_t one_in,
                                        std::int32_t priority,
                                        std::uint64_t seed);

}  // namespace troupe::simulation
