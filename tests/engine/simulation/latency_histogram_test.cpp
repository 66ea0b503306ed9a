#include "engine/simulation/latency_histogram.h"

#include "engine/base/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace troupe::simulation {

TEST_CASE("an empty histogram says zero to everything") {
  const LatencyHistogram histogram;

  CHECK(histogram.count() == 0);
  CHECK(histogram.mean() == Duration::zero());
  CHECK(histogram.percentile(0.5) == Duration::zero());
  CHECK(histogram.longest() == Duration::zero());
}

TEST_CASE("one duration is every percentile, exactly") {
  LatencyHistogram histogram;
  histogram.add(std::chrono::milliseconds(123), 5);

  CHECK(histogram.percentile(0.0) == std::chrono::milliseconds(123));
  CHECK(histogram.percentile(1.0) == std::chrono::milliseconds(123));
  CHECK(histogram.count() == 5);
}

TEST_CASE("no time, less than no time and no durations are counted as what they are") {
  LatencyHistogram histogram;
  histogram.add(std::chrono::seconds(1), 0);
  histogram.add(-std::chrono::seconds(1));
  histogram.add(Duration::zero());

  CHECK(histogram.count() == 2);
  CHECK(histogram.percentile(1.0) == Duration::zero());
}

TEST_CASE("a percentile is never below the true one, and at most 1 % above it") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    LatencyHistogram histogram;
    std::vector<Duration> all;
    for (std::uint64_t number = 0; number < 500; ++number) {
      const auto exponent = static_cast<double>(random_bits(seed, number) % 1000) / 100.0;
      all.emplace_back(1000 + std::llround(std::exp(exponent) * 1e4));
      histogram.add(all.back());
    }
    std::ranges::sort(all);
    for (const double share : {0.01, 0.5, 0.9, 0.99, 1.0}) {
      CAPTURE(share);
      const auto rank = static_cast<std::size_t>(std::ceil(share * 500)) - 1;
      const auto exact = static_cast<double>(all[rank].count());
      const auto told = static_cast<double>(histogram.percentile(share).count());
      REQUIRE(told >= exact * 0.999999);
      REQUIRE(told <= exact * 1.0101);
    }
  }
}

TEST_CASE("two histograms added up are one of both") {
  LatencyHistogram all;
  LatencyHistogram one;
  LatencyHistogram other;
  for (std::int32_t number = 1; number < 100; ++number) {
    const auto duration = std::chrono::milliseconds(number * number);
    all.add(duration);
    (number % 3 == 0 ? one : other).add(duration);
  }
  one.add(other);

  CHECK(one.count() == all.count());
  CHECK(one.percentile(0.5) == all.percentile(0.5));
  CHECK(one.percentile(0.99) == all.percentile(0.99));
  CHECK(one.longest() == all.longest());
}

}  // namespace troupe::simulation
