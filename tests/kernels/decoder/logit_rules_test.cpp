#include "kernels/decoder/logit_rules.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace troupe {
namespace {

constexpr float kLowest = std::numeric_limits<float>::lowest();

std::vector<float> ruled(const SequenceStart& start,
                         std::vector<float> logits,
                         const TokenCounts& counts = {}) {
  apply_logit_rules(logits, {.start = start, .position = start.num_tokens(), .counts = counts});
  return logits;
}

TEST_CASE("without parameters logits stay as they are") {
  CHECK(ruled({}, {1.0F, -2.0F}) == std::vector<float>{1.0F, -2.0F});
}

TEST_CASE("a bias is added to its token, and one for an unknown token to none") {
  SequenceStart start;
  start.sampling.logit_bias = {{1, 2.5F}, {9, 1.0F}, {-1, 1.0F}};

  CHECK(ruled(start, {1.0F, -2.0F}) == std::vector<float>{1.0F, 0.5F});
}

TEST_CASE("the repetition penalty divides positive and multiplies negative logits of seen tokens") {
  SequenceStart start;
  start.sampling.repetition_penalty = 2.0F;

  CHECK(ruled(start, {3.0F, -3.0F, 3.0F}, {{0, 0}, {1, 4}}) ==
        std::vector<float>{1.5F, -6.0F, 3.0F});
}

TEST_CASE("frequency and presence penalties look at the output alone") {
  SequenceStart start;
  start.sampling.frequency_penalty = 0.5F;
  start.sampling.presence_penalty = 1.0F;

  CHECK(ruled(start, {3.0F, 3.0F, 3.0F}, {{0, 0}, {1, 3}}) == std::vector<float>{3.0F, 0.5F, 3.0F});
}

TEST_CASE("the bias comes before the penalties, as in vLLM") {
  SequenceStart start;
  start.sampling.logit_bias = {{0, 3.0F}};
  start.sampling.repetition_penalty = 2.0F;

  CHECK(ruled(start, {-1.0F}, {{0, 1}}) == std::vector<float>{1.0F});
}

TEST_CASE("end and stop tokens are out of reach until min_tokens were generated") {
  SequenceStart start;
  start.tokens = {5, 6, 7};
  start.num_prompt_tokens = 2;
  start.eos_tokens = {0, 77};
  start.sampling.stop_token_ids = {2};
  start.sampling.min_tokens = 2;
  const std::vector<float> logits{1.0F, 1.0F, 1.0F};

  CHECK(ruled(start, logits) == std::vector<float>{kLowest, 1.0F, kLowest});
  start.tokens.push_back(8);
  CHECK(ruled(start, logits) == logits);
}

TEST_CASE("no rule makes a finite logit infinite") {
  SequenceStart start;
  start.sampling.repetition_penalty = 1e-45F;
  start.sampling.logit_bias = {{1, -100.0F}};

  for (const auto logit : ruled(start, {3e38F, kLowest}, {{0, 1}, {1, 1}})) {
    CHECK(std::isfinite(logit));
  }
}

}  // namespace
}  // namespace troupe
