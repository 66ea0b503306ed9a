#include "kernels/decoder/sampler.h"

#include "engine/base/check.h"
#include "engine/base/random.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

namespace troupe {
namespace {

// vLLM's border between a small temperature and a greedy choice.
constexpr float kLeastTemperature = 1e-5F;

// As many running values as vector registers like; their order of comparison cannot matter.
constexpr std::size_t kLanes = 16;

// How many logits are infinite or NaN. Without a branch, so that the compiler vectorises it.
std::size_t count_not_finite(std::span<const float> logits) {
  std::size_t count = 0;
  for (const auto logit : logits) {
    count += std::abs(logit) <= std::numeric_limits<float>::max() ? 0U : 1U;
  }
  return count;
}

float largest(std::span<const float> logits) {
  std::array<float, kLanes> lanes{};
  lanes.fill(std::numeric_limits<float>::lowest());
  std::size_t index = 0;
  for (; index + kLanes <= logits.size(); index += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const auto logit = logits[index + lane];
      lanes[lane] = logit > lanes[lane] ? logit : lanes[lane];
    }
  }
  for (; index < logits.size(); ++index) {
    lanes[0] = std::max(lanes[0], logits[index]);
  }
  return *std::max_element(lanes.begin(), lanes.end());
}

LogprobBits logprob_bits(std::size_t token, double logprob) {
  return {static_cast<TokenId>(token), std::bit_cast<std::uint32_t>(static_cast<float>(logprob))};
}

// The `count` largest logits, descending, equal ones by lowest id.
std::vector<std::size_t> top_tokens(std::span<const float> logits, std::size_t count) {
  std::vector<std::size_t> top;
  count = std::min(count, logits.size());
  if (count == 0) {
    return top;
  }
  for (std::size_t token = 0; token < logits.size(); ++token) {
    if (top.size() == count && logits[token] <= logits[top.back()]) {
      continue;
    }
    const auto place = std::upper_bound(
        top.begin(), top.end(), logits[token],
        [&logits](float logit, std::size_t other) { return logit > logits[other]; });
    top.insert(place, token);
    if (top.size() > count) {
      top.pop_back();
    }
  }
  return top;
}

}  // namespace

Result<SampledToken> Sampler::sample(std::span<float> logits, const SampledSequence& sequence) {
  const auto& start = sequence.start;
  if (count_not_finite(logits) > 0) {
    const auto bad = std::find_if_not(logits.begin(), logits.end(),
                                      [](float logit) { return std::isfinite(logit); });
    return fail(ErrorCode::device, "the logit of token " + std::to_string(bad - logits.begin()) +
                                       " at position " + std::to_string(sequence.position) +
                                       " of sequence " + std::to_string(start.sequence.value) +
                                       " is " + std::to_string(*bad) + ", not a finite number");
  }
  const auto num_top = start.sampling.logprobs;
  if (num_top) {
    raw_logits_.assign(logits.begin(), logits.end());
  }
  apply_logit_rules(logits, sequence);
  SampledToken sampled;
  sampled.sequence = start.sequence;
  sampled.position = sequence.position;
  sampled.token = choose(logits, sequence);
  if (num_top) {
    add_logprobs(sampled, *num_top);
  }
  return sampled;
}

TokenId Sampler::choose(std::span<const float> logits, const SampledSequence& sequence) {
  const auto& sampling = sequence.start.sampling;
  const auto top = largest(logits);
  if (sampling.temperature < kLeastTemperature) {
    return static_cast<TokenId>(std::find(logits.begin(), logits.end(), top) - logits.begin());
  }
  TROUPE_CHECK(sampling.seed.has_value(), "the gateway draws a seed for a request without one");
  mass_.assign(logits, top, sampling.temperature);
  if (sampling.min_p > 0.0F) {
    mass_.keep_min_p(sampling.min_p);
  }
  if (sampling.top_k > 0) {
    mass_.keep_top_k(sampling.top_k);
  }
  if (sampling.top_p < 1.0F) {
    mass_.keep_top_p(sampling.top_p);
  }
  return mass_.draw(random_bits(*sampling.seed, static_cast<std::uint64_t>(sequence.position)));
}

void Sampler::add_logprobs(SampledToken& sampled, std::int32_t num_top) {
  const auto top = largest(raw_logits_);
  mass_.assign(raw_logits_, top, 1.0F);
  const auto log_total = std::log(std::ldexp(static_cast<double>(mass_.total()), -kWeightBits));
  const auto logprob = [&](std::size_t token) {
    const auto distance = static_cast<double>(raw_logits_[token]) - static_cast<double>(top);
    return logprob_bits(token, distance - log_total);
  };
  sampled.logprob = logprob(static_cast<std::size_t>(sampled.token));
  for (const auto token : top_tokens(raw_logits_, static_cast<std::size_t>(num_top))) {
    sampled.top_logprobs.push_back(logprob(token));
  }
}

}  // namespace troupe
