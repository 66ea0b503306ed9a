#include "kernels/decoder/probability_mass.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

namespace troupe {
namespace {

constexpr std::uint64_t kOne = 1ULL << kWeightBits;

std::vector<float> random_logits(std::mt19937& random, std::size_t size, float spread) {
  std::normal_distribution<float> normal(0.0F, spread);
  std::vector<float> logits(size);
  for (auto& logit : logits) {
    logit = normal(random);
  }
  return logits;
}

ProbabilityMass mass_of(const std::vector<float>& logits) {
  ProbabilityMass mass;
  mass.assign(logits, *std::max_element(logits.begin(), logits.end()), 1.0F);
  return mass;
}

// The tokens that can still be drawn: every boundary between two tokens is tried.
std::set<TokenId> support(const ProbabilityMass& mass, int num_draws = 20000) {
  std::set<TokenId> tokens;
  std::mt19937_64 random(7);
  for (int i = 0; i < num_draws; ++i) {
    tokens.insert(mass.draw(random()));
  }
  return tokens;
}

// Ranks by a plain sort: logits descending, equal ones by id.
std::vector<TokenId> ranked(const std::vector<float>& logits) {
  std::vector<TokenId> tokens(logits.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<TokenId>(i);
  }
  std::stable_sort(tokens.begin(), tokens.end(), [&](TokenId a, TokenId b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  return tokens;
}

double probability(const std::vector<float>& logits, TokenId token) {
  double total = 0.0;
  for (const auto logit : logits) {
    total += std::exp(static_cast<double>(logit));
  }
  return std::exp(static_cast<double>(logits[static_cast<std::size_t>(token)])) / total;
}

TEST_CASE("the fixed-point exponential is the exponential, to its last bits") {
  CHECK(fixed_exp(0.0) == kOne);
  CHECK(fixed_exp(-1e300) == 0);
  CHECK(fixed_exp(-std::numeric_limits<double>::infinity()) == 0);
  CHECK(fixed_exp(std::numeric_limits<double>::quiet_NaN()) == 0);
  for (double x = 0.0; x > -40.0; x -= 0.00073) {
    CAPTURE(x);
    const auto exact = std::ldexp(std::exp(x), kWeightBits);
    REQUIRE(std::abs(static_cast<double>(fixed_exp(x)) - exact) <= 0.5 + exact * 0x1p-39);
  }
}

// As a device with conversions would write it.
std::uint64_t plain_fixed_exp(double x) {
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
  const auto exponent = x * 1.4426950408889634;
  const auto whole = std::floor(exponent + 0.5);
  double power = 0.0;
  for (const auto coefficient : kExp2) {
    power = power * (exponent - whole) + coefficient;
  }
  return static_cast<std::uint64_t>(
      std::floor(power * std::ldexp(1.0, static_cast<int>(whole) + kWeightBits) + 0.5));
}

TEST_CASE("the exponential without conversions has the bits of the one with them") {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-45.0F, 0.0F);
  for (int i = 0; i < 200000; ++i) {
    const auto x = static_cast<double>(uniform(random));
    CAPTURE(x);
    REQUIRE(fixed_exp(x) == plain_fixed_exp(x));
  }
}

TEST_CASE("a token is drawn exactly on its own stretch of the mass") {
  const auto mass = mass_of({0.0F, 0.0F, -100.0F, 0.0F});  // three equal weights and nothing

  CHECK(mass.total() == 3 * kOne);
  CHECK(mass.draw(0) == 0);
  CHECK(mass.draw(~0ULL) == 3);
  CHECK(mass.draw(~0ULL / 3) == 0);
  CHECK(mass.draw(~0ULL / 3 + (1ULL << 24U)) == 1);
  CHECK(support(mass) == std::set<TokenId>{0, 1, 3});
}

TEST_CASE("temperature flattens or sharpens") {
  ProbabilityMass mass;
  const std::vector<float> logits{2.0F, 0.0F};

  mass.assign(logits, 2.0F, 2.0F);

  CHECK(mass.total() == kOne + fixed_exp(-1.0));
}

TEST_CASE("top-k leaves the k likeliest tokens, equal ones by lowest id") {
  auto mass = mass_of({1.0F, 3.0F, 3.0F, 2.0F, 3.0F});

  mass.keep_top_k(2);

  CHECK(support(mass) == std::set<TokenId>{1, 2});
  CHECK(mass.total() == 2 * kOne);
}

TEST_CASE("top-k of more than there is leaves everything") {
  auto mass = mass_of({1.0F, 3.0F, 3.0F});
  const auto before = mass.total();

  mass.keep_top_k(4);

  CHECK(mass.total() == before);
}

TEST_CASE("top-k is the beginning of a plain sort, whatever the logits") {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    auto logits = random_logits(random, 40, 2.0F);
    for (auto& logit : logits) {
      logit = std::round(logit * 4.0F) / 4.0F;  // many are equal
    }
    const auto k = static_cast<std::int32_t>(1 + random() % 12);
    CAPTURE(k);
    const auto order = ranked(logits);
    auto mass = mass_of(logits);

    mass.keep_top_k(k);

    CHECK(support(mass) == std::set<TokenId>(order.begin(), order.begin() + k));
  }
}

TEST_CASE("top-p is the shortest beginning of a plain sort that holds the mass") {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto logits = random_logits(random, 40, 2.0F);
    const auto top_p = 0.05F + 0.9F * static_cast<float>(random() % 1000) / 1000.0F;
    CAPTURE(top_p);
    std::set<TokenId> expected;
    double held = 0.0;
    for (const auto token : ranked(logits)) {
      if (held >= static_cast<double>(top_p)) {
        break;
      }
      held += probability(logits, token);
      expected.insert(token);
    }
    auto mass = mass_of(logits);

    mass.keep_top_p(top_p);

    CHECK(support(mass) == expected);
  }
}

TEST_CASE("top-p always leaves the likeliest token, and of equal ones the lowest") {
  auto mass = mass_of({1.0F, 5.0F, 5.0F});

  mass.keep_top_p(1e-30F);

  CHECK(support(mass) == std::set<TokenId>{1});
}

TEST_CASE("top-p takes its share of what top-k left") {
  auto mass = mass_of({2.0F, 2.0F, 2.0F, 2.0F});

  mass.keep_top_k(2);
  mass.keep_top_p(0.5F);

  CHECK(support(mass) == std::set<TokenId>{0});
}

TEST_CASE("min-p leaves the tokens at least so likely as its share of the likeliest") {
  auto mass = mass_of({0.0F, std::log(0.5F), std::log(0.49F), std::log(0.1F)});

  mass.keep_min_p(0.495F);

  CHECK(support(mass) == std::set<TokenId>{0, 1});
}

TEST_CASE("the mass of a large vocabulary does not overflow") {
  const auto mass = mass_of(std::vector<float>(1 << 20, 1.0F));

  CHECK(mass.total() == kOne << 20U);
  CHECK(mass.draw(~0ULL) == (1 << 20) - 1);
}

}  // namespace
}  // namespace troupe
