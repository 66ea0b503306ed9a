// Draws are counter-based: number k of request n under a seed is always the same, so lists of
// different sizes begin alike. Logarithm and cosine are the only functions of the C library in it.
#include "engine/simulation/generator.h"

#include "engine/base/check.h"
#include "engine/base/random.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <numbers>
#include <utility>

namespace troupe::simulation {
namespace {

constexpr std::int32_t kSharedBlockTokens = 16;
constexpr std::int64_t kNamesOfABeginning = 1 << 20;

/// What is drawn, so that no two streams are the same.
enum class Stream : std::uint64_t { prompt = 1, output = 2, arrival = 3, group = 4, urgent = 5 };

/// Uniform in (0, 1).
double uniform(std::uint64_t seed, Stream stream, std::uint64_t number) {
  const auto bits = random_bits(mix(seed) + static_cast<std::uint64_t>(stream), number);
  return (static_cast<double>(bits >> 11U) + 0.5) * 0x1.0p-53;
}

/// Box and Muller's transformation of the draws 2n and 2n + 1.
double standard_normal(std::uint64_t seed, Stream stream, std::uint64_t number) {
  const auto radius = std::sqrt(-2.0 * std::log(uniform(seed, stream, 2 * number)));
  return radius * std::cos(2.0 * std::numbers::pi * uniform(seed, stream, 2 * number + 1));
}

std::int32_t whole(double length) {
  return static_cast<std::int32_t>(std::max(1LL, std::llround(length)));
}

double interpolate(const QuantileTable& table, double share) {
  const auto& knots = table.knots;
  auto right = std::ranges::upper_bound(knots, share, {}, &QuantileTable::Knot::share);
  if (right == knots.begin()) {
    return knots.front().length;
  }
  if (right == knots.end()) {
    return knots.back().length;
  }
  const auto left = std::prev(right);
  return left->length +
         (right->length - left->length) * (share - left->share) / (right->share - left->share);
}

/// One length of each law.
struct Draw {
  std::uint64_t seed;
  Stream stream;
  std::uint64_t number;

  std::int32_t operator()(const ConstantLength& law) const { return law.length; }

  std::int32_t operator()(const NormalLengths& law) const {
    return whole(law.mean + law.sigma * standard_normal(seed, stream, number));
  }

  std::int32_t operator()(const ChoiceOfLengths& law) const {
    TROUPE_CHECK(!law.lengths.empty(), "a choice of no lengths");
    const auto place = uniform(seed, stream, number) * static_cast<double>(law.lengths.size());
    return law.lengths[static_cast<std::size_t>(place)];
  }

  std::int32_t operator()(const LognormalLengths& law) const {
    TROUPE_CHECK(law.shortest >= 1 && law.shortest <= law.longest, "no length is allowed");
    const auto length = law.median * std::exp(law.sigma * standard_normal(seed, stream, number));
    return whole(std::clamp<double>(length, law.shortest, law.longest));
  }

  std::int32_t operator()(const QuantileTable& law) const {
    TROUPE_CHECK(!law.knots.empty(), "a table without quantiles");
    return whole(interpolate(law, uniform(seed, stream, number)));
  }
};

std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", number);
  return text;
}

struct DescribeLength {
  std::string operator()(const ConstantLength& law) const { return std::to_string(law.length); }

  std::string operator()(const NormalLengths& law) const {
    return "normal(mean " + number_text(law.mean) + ", sigma " + number_text(law.sigma) + ")";
  }

  std::string operator()(const ChoiceOfLengths& law) const {
    std::string text;
    for (const auto length : law.lengths) {
      text += (text.empty() ? "one of {" : ", ") + std::to_string(length);
    }
    return text + "}";
  }

  std::string operator()(const LognormalLengths& law) const {
    return "lognormal(median " + number_text(law.median) + ", sigma " + number_text(law.sigma) +
           ", within " + std::to_string(law.shortest) + ".." + std::to_string(law.longest) + ")";
  }

  std::string operator()(const QuantileTable& law) const { return "quantiles of " + law.name; }
};

struct DescribeArrival {
  std::string operator()(const AllAtOnce&) const { return "all at once"; }

  std::string operator()(const PoissonArrivals& law) const {
    char text[48];
    std::snprintf(text, sizeof text, "Poisson, %.3g a second", law.per_second);
    return text;
  }

  std::string operator()(const BurstArrivals& law) const {
    char text[64];
    std::snprintf(text, sizeof text, "bursts of %d every %.3g s", law.size, in_seconds(law.every));
    return text;
  }
};

/// The arrivals of one law, one after another.
struct Schedule {
  std::uint64_t seed;
  std::uint64_t number = 0;
  double seconds = 0;

  Duration operator()(const AllAtOnce&) const { return Duration::zero(); }

  Duration operator()(const PoissonArrivals& law) {
    TROUPE_CHECK(law.per_second > 0, "arrivals at no rate");
    seconds -= std::log(uniform(seed, Stream::arrival, number++)) / law.per_second;
    return Duration(std::llround(seconds * 1e9));
  }

  Duration operator()(const BurstArrivals& law) {
    TROUPE_CHECK(law.size > 0, "bursts of nobody");
    return static_cast<std::int64_t>(number++) / law.size * law.every;
  }
};

void share_beginning(const GeneratorOptions& options,
                     std::uint64_t seed,
                     std::uint64_t number,
                     WorkloadRequest& request) {
  if (options.num_shared_beginnings == 0) {
    return;
  }
  const auto group = static_cast<std::int64_t>(uniform(seed, Stream::group, number) *
                                               options.num_shared_beginnings);
  const auto num_blocks =
      std::min(options.shared_tokens, request.num_prompt_tokens) / kSharedBlockTokens;
  for (std::int32_t block = 0; block < num_blocks; ++block) {
    request.prefix_blocks.push_back(group * kNamesOfABeginning + block);
  }
}

std::string origin_of(const GeneratorOptions& options, std::uint64_t seed) {
  auto text = std::to_string(options.num_requests) + " requests, prompts " +
              describe(options.prompt) + ", outputs " + describe(options.output) + ", " +
              describe(options.arrival);
  if (options.num_shared_beginnings > 0) {
    text += ", " + std::to_string(options.num_shared_beginnings) + " shared beginnings of " +
            std::to_string(options.shared_tokens) + " tokens";
  }
  return text + ", seed " + std::to_string(seed);
}

}  // namespace

std::string describe(const LengthLaw& law) {
  return std::visit(DescribeLength{}, law);
}

std::string describe(const ArrivalLaw& law) {
  return std::visit(DescribeArrival{}, law);
}

Workload generate(const GeneratorOptions& options, std::uint64_t seed) {
  TROUPE_CHECK(options.num_requests >= 0, "a negative number of requests");
  Workload workload;
  workload.name = options.name;
  workload.origin = origin_of(options, seed);
  workload.prefix_block_tokens = options.num_shared_beginnings > 0 ? kSharedBlockTokens : 0;
  workload.requests.resize(static_cast<std::size_t>(options.num_requests));
  Schedule schedule{seed};
  for (std::size_t number = 0; number < workload.requests.size(); ++number) {
    auto& request = workload.requests[number];
    request.arrival = std::visit(schedule, options.arrival);
    request.num_prompt_tokens = std::visit(Draw{seed, Stream::prompt, number}, options.prompt);
    request.num_output_tokens = std::visit(Draw{seed, Stream::output, number}, options.output);
    share_beginning(options, seed, number, request);
  }
  return workload;
}

Workload with_arrivals(Workload workload, const ArrivalLaw& law, std::uint64_t seed) {
  Schedule schedule{seed};
  for (auto& request : workload.requests) {
    request.arrival = std::visit(schedule, law);
  }
  workload.origin += "; arrivals: " + describe(law) + ", seed " + std::to_string(seed);
  return workload;
}

Workload with_urgent_ones(Workload workload,
                          std::int32_t one_in,
                          std::int32_t priority,
                          std::uint64_t seed) {
  TROUPE_CHECK(one_in > 0, "one in less than one");
  for (std::size_t number = 0; number < workload.requests.size(); ++number) {
    if (uniform(seed, Stream::urgent, number) * one_in < 1.0) {
      workload.requests[number].priority = priority;
    }
  }
  workload.origin += "; one in " + std::to_string(one_in) + " of priority " +
                     std::to_string(priority) + ", seed " + std::to_string(seed);
  return workload;
}

}  // namespace troupe::simulation
