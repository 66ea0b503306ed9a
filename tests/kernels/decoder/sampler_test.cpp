#include "kernels/decoder/sampler.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace troupe {
namespace {

SequenceStart sequence(float temperature, std::uint64_t seed = 1) {
  SequenceStart start;
  start.sequence = SequenceId{9};
  start.tokens = {1, 2};
  start.num_prompt_tokens = 2;
  start.sampling.temperature = temperature;
  start.sampling.seed = seed;
  return start;
}

SampledToken sample(Sampler& sampler,
                    const SequenceStart& start,
                    std::vector<float> logits,
                    std::int32_t position = 2) {
  auto sampled = sampler.sample(logits, {.start = start, .position = position, .counts = {}});
  REQUIRE(sampled.has_value());
  return *sampled;
}

float value(const LogprobBits& logprob) {
  return std::bit_cast<float>(logprob.bits);
}

TEST_CASE("temperature 0 takes the largest logit, and of equal ones the lowest token") {
  Sampler sampler;
  std::vector<float> logits(100, -1.0F);
  logits[37] = 4.0F;
  logits[90] = 4.0F;

  const auto sampled = sample(sampler, sequence(0.0F), logits);

  CHECK(sampled.token == 37);
  CHECK(sampled.sequence == SequenceId{9});
  CHECK(sampled.position == 2);
  CHECK_FALSE(sampled.logprob.has_value());
  CHECK(sampled.top_logprobs.empty());
}

TEST_CASE("greedy finds the largest logit wherever it stands") {
  Sampler sampler;
  for (std::size_t size : {1U, 15U, 16U, 17U, 50U}) {
    for (std::size_t best = 0; best < size; ++best) {
      CAPTURE(size);
      std::vector<float> logits(size, -3.0F);
      logits[best] = -2.0F;
      CHECK(sample(sampler, sequence(0.0F), logits).token == static_cast<TokenId>(best));
    }
  }
}

TEST_CASE("a sample depends on seed, position and logits, and on nothing that was drawn before") {
  const std::vector<float> logits(1000, 0.5F);
  Sampler used;
  for (std::int32_t position = 0; position < 50; ++position) {
    static_cast<void>(sample(used, sequence(0.7F, 3), {1.0F, 2.0F}, position));
  }
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    Sampler fresh;
    CHECK(sample(used, sequence(1.0F, seed), logits, 7).token ==
          sample(fresh, sequence(1.0F, seed), logits, 7).token);
  }
  Sampler sampler;
  CHECK(sample(sampler, sequence(1.0F, 1), logits, 7).token !=
        sample(sampler, sequence(1.0F, 2), logits, 7).token);
  CHECK(sample(sampler, sequence(1.0F, 1), logits, 7).token !=
        sample(sampler, sequence(1.0F, 1), logits, 8).token);
}

// Pearson's statistic of draws at many positions against the softmax.
double chi_square(const std::vector<float>& logits, float temperature, int num_draws) {
  Sampler sampler;
  const auto start = sequence(temperature, 20260101);
  std::vector<int> counts(logits.size(), 0);
  for (int i = 0; i < num_draws; ++i) {
    ++counts[static_cast<std::size_t>(sample(sampler, start, logits, i).token)];
  }
  double total = 0.0;
  for (const auto logit : logits) {
    total += std::exp(static_cast<double>(logit / temperature));
  }
  double statistic = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const auto expected =
        num_draws * std::exp(static_cast<double>(logits[i] / temperature)) / total;
    statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return statistic;
}

TEST_CASE("samples follow the softmax of the logits at the temperature") {
  // The 99.9th percentile of chi-square with 7 degrees of freedom.
  constexpr double kCritical = 24.32;
  const std::vector<float> logits{0.0F, 1.0F, 2.0F, -1.0F, 0.5F, 0.5F, 1.5F, -2.0F};

  CHECK(chi_square(logits, 1.0F, 40000) < kCritical);
  CHECK(chi_square(logits, 0.5F, 40000) < kCritical);
  CHECK(chi_square(logits, 1.7F, 40000) < kCritical);
}

TEST_CASE("top-k of 1, a tiny top-p and min-p of 1 are greedy at any temperature") {
  const std::vector<float> logits{0.1F, 0.3F, 0.2F};
  auto top_k = sequence(5.0F);
  top_k.sampling.top_k = 1;
  auto top_p = sequence(5.0F);
  top_p.sampling.top_p = 0.01F;
  auto min_p = sequence(5.0F);
  min_p.sampling.min_p = 1.0F;
  Sampler sampler;
  for (const auto& start : {top_k, top_p, min_p}) {
    for (std::int32_t position = 0; position < 100; ++position) {
      REQUIRE(sample(sampler, start, logits, position).token == 1);
    }
  }
}

TEST_CASE("log-probabilities are those of the raw logits, whatever the parameters make of them") {
  const std::vector<float> logits{1.0F, 3.0F, 2.0F, 3.0F};
  auto start = sequence(0.0F);
  start.sampling.logit_bias = {{0, 50.0F}};
  start.sampling.logprobs = 3;
  double total = 0.0;
  for (const auto logit : logits) {
    total += std::exp(static_cast<double>(logit));
  }
  Sampler sampler;

  const auto sampled = sample(sampler, start, logits);

  CHECK(sampled.token == 0);
  REQUIRE(sampled.logprob.has_value());
  CHECK(sampled.logprob->token == 0);
  CHECK(value(*sampled.logprob) == doctest::Approx(1.0 - std::log(total)).epsilon(1e-6));
  REQUIRE(sampled.top_logprobs.size() == 3);
  CHECK(sampled.top_logprobs[0].token == 1);
  CHECK(sampled.top_logprobs[1].token == 3);
  CHECK(sampled.top_logprobs[2].token == 2);
  CHECK(value(sampled.top_logprobs[0]) == doctest::Approx(3.0 - std::log(total)).epsilon(1e-6));
  CHECK(value(sampled.top_logprobs[2]) == doctest::Approx(2.0 - std::log(total)).epsilon(1e-6));
}

TEST_CASE(
    "log-probabilities of 0 are of the sampled token alone, and more than there are tokens is "
    "all of them") {
  Sampler sampler;
  auto start = sequence(0.0F);
  start.sampling.logprobs = 0;
  const auto alone = sample(sampler, start, {1.0F, 2.0F});
  start.sampling.logprobs = 20;
  const auto all = sample(sampler, start, {1.0F, 2.0F});

  CHECK(alone.logprob.has_value());
  CHECK(alone.top_logprobs.empty());
  CHECK(all.top_logprobs.size() == 2);
}

TEST_CASE("logits that are not finite are an error of the device, wherever they stand") {
  for (const auto bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t place : {0U, 5U, 20U}) {
      std::vector<float> logits(21, 1.0F);
      logits[place] = bad;
      Sampler sampler;
      const auto start = sequence(1.0F);

      const auto sampled = sampler.sample(logits, {.start = start, .position = 2, .counts = {}});

      REQUIRE_FALSE(sampled.has_value());
      CHECK(sampled.error().code == ErrorCode::device);
      CHECK(sampled.error().message.find("token " + std::to_string(place) + " ") !=
            std::string::npos);
    }
  }
}

TEST_CASE("when every token is out of reach, one of them comes all the same") {
  auto start = sequence(1.0F);
  start.eos_tokens = {0, 1};
  start.sampling.min_tokens = 5;
  Sampler sampler;

  CHECK(sample(sampler, start, {4.0F, 2.0F}).token < 2);
}

TEST_CASE("a request whose seed nobody drew is a bug") {
  auto start = sequence(1.0F);
  start.sampling.seed.reset();
  Sampler sampler;
  std::vector<float> logits{1.0F, 2.0F};

  CHECK_THROWS_AS(
      static_cast<void>(sampler.sample(logits, {.start = start, .position = 2, .counts = {}})),
      InvariantViolation);
}

}  // namespace
}  // namespace troupe
