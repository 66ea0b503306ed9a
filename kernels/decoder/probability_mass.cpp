#include "kernels/decoder/probability_mass.h"

#include "engine/base/check.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace troupe {
namespace {

constexpr double kLog2E = 1.4426950408889634;

// ln(2)^k / k! from k = 10 down to 0: 2^f for f in [-1/2, 1/2] by Horner's rule; the first term
// left out is below 2^-42.
constexpr std::array<double, 11> kExp2 = {7.054911620801121e-09,
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

// Unrolled by hand: the compiler vectorises no loop that has another within.
template <std::size_t kTerm>
double horner(double fraction) {
  if constexpr (kTerm == 0) {
    return kExp2[0];
  } else {
    return horner<kTerm - 1>(fraction) * fraction + kExp2[kTerm];
  }
}

// Added to a number, it leaves the nearest integer, of either sign, in the low bits: what
// conversions do, which SSE2 does not have for 64 bits. Without them, and without a branch, the
// loop over a vocabulary is vectorised: 0.5 ms for 128 k tokens, against 1.0.
constexpr double kRounder = 0x1.8p52;
constexpr auto kRounderBits = std::bit_cast<std::uint64_t>(kRounder);
constexpr auto kScaleBits = std::bit_cast<std::uint64_t>(static_cast<double>(1ULL << kWeightBits));
// Far below the last weight that is not 0. NaN becomes it, too.
constexpr double kLeastExponent = -64.0;

// The bits of floor(x) + kRounder.
std::uint64_t floor_bits(double x) {
  const auto nearest = x + kRounder;
  const auto above = x - (nearest - kRounder);  // negative where the nearest one is too high
  return std::bit_cast<std::uint64_t>(nearest) - (std::bit_cast<std::uint64_t>(above) >> 63U);
}

// `fixed_exp`, here so that position-independent code may have it inline.
std::uint64_t weight_of(double x) {
  const auto unbounded = x * kLog2E;
  const auto exponent = unbounded > kLeastExponent ? unbounded : kLeastExponent;
  const auto whole = floor_bits(exponent + 0.5);
  const auto fraction = exponent - (std::bit_cast<double>(whole) - kRounder);
  const auto scale = std::bit_cast<double>((whole << 52U) + kScaleBits);
  return floor_bits(horner<kExp2.size() - 1>(fraction) * scale + 0.5) - kRounderBits;
}

// floor(a * b / 2^64), from halves of 32 bits.
std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kLow = 0xffffffffULL;
  const auto low = (a & kLow) * (b & kLow);
  const auto middle = (a >> 32U) * (b & kLow) + (low >> 32U);
  const auto cross = (a & kLow) * (b >> 32U) + (middle & kLow);
  return (a >> 32U) * (b >> 32U) + (middle >> 32U) + (cross >> 32U);
}

// `share` of `mass`, at least 1 and at most all of it.
std::uint64_t share_of(std::uint64_t mass, double share) {
  const auto part = std::ceil(static_cast<double>(mass) * share);
  return part < static_cast<double>(mass)
             ? std::max<std::uint64_t>(static_cast<std::uint64_t>(part), 1)
             : mass;
}

}  // namespace

std::uint64_t fixed_exp(double x) {
  return weight_of(x);
}

void ProbabilityMass::assign(std::span<const float> logits, float top, float temperature) {
  weights_.resize(logits.size());
  const double peak = top;
  const double scale = 1.0 / static_cast<double>(temperature);
  std::uint64_t total = 0;  // a local one: a member might be among the weights, for the compiler
  for (std::size_t token = 0; token < logits.size(); ++token) {
    weights_[token] = weight_of((static_cast<double>(logits[token]) - peak) * scale);
    total += weights_[token];
  }
  total_ = total;
  TROUPE_CHECK(total_ >= (1ULL << kWeightBits), "the largest logit is not among the logits");
}

void ProbabilityMass::keep_min_p(float min_p) {
  const auto least = share_of(1ULL << kWeightBits, static_cast<double>(min_p));
  for (auto& weight : weights_) {
    if (weight < least) {
      total_ -= weight;
      weight = 0;
    }
  }
}

void ProbabilityMass::keep_top_k(std::int32_t k) {
  TROUPE_CHECK(k > 0, "top-k keeps a token");
  fill_buckets();
  auto left = static_cast<std::uint64_t>(k);
  for (auto bucket = kNumBuckets; bucket-- > 0;) {
    if (buckets_[bucket].count > left) {
      drop_buckets_below(bucket);
      rank_bucket(bucket);
      drop_ranks_from(static_cast<std::size_t>(left));
      return;
    }
    left -= buckets_[bucket].count;
  }
}

void ProbabilityMass::keep_top_p(float top_p) {
  fill_buckets();
  auto left = share_of(total_, static_cast<double>(top_p));
  for (auto bucket = kNumBuckets; bucket-- > 0;) {
    if (buckets_[bucket].mass >= left) {
      drop_buckets_below(bucket);
      rank_bucket(bucket);
      std::size_t rank = 0;
      while (left > ranked_[rank].weight) {
        left -= ranked_[rank++].weight;
      }
      drop_ranks_from(rank + 1);
      return;
    }
    left -= buckets_[bucket].mass;
  }
}

TokenId ProbabilityMass::draw(std::uint64_t bits) const {
  auto left = multiply_high(bits, total_);
  std::size_t token = 0;
  while (left >= weights_[token]) {
    left -= weights_[token++];
  }
  return static_cast<TokenId>(token);
}

std::size_t ProbabilityMass::bucket_of(std::uint64_t weight) {
  const auto octave = static_cast<unsigned>(std::bit_width(weight | 1U)) - 1U;
  // The bits behind the leading one; a weight is far too small for the shift to lose any.
  const auto step = (weight << kBucketsPerOctaveBits >> octave) % (1U << kBucketsPerOctaveBits);
  return (static_cast<std::size_t>(octave) << kBucketsPerOctaveBits) + step;
}

void ProbabilityMass::fill_buckets() {
  buckets_.fill({});
  for (const auto weight : weights_) {
    if (weight > 0) {
      auto& bucket = buckets_[bucket_of(weight)];
      bucket.mass += weight;
      ++bucket.count;
    }
  }
}

void ProbabilityMass::rank_bucket(std::size_t bucket) {
  ranked_.clear();
  for (std::size_t token = 0; token < weights_.size(); ++token) {
    if (weights_[token] > 0 && bucket_of(weights_[token]) == bucket) {
      ranked_.push_back({weights_[token], token});
    }
  }
  std::sort(ranked_.begin(), ranked_.end(), [](const Ranked& a, const Ranked& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
  });
}

void ProbabilityMass::drop_buckets_below(std::size_t bucket) {
  for (auto& weight : weights_) {
    if (weight > 0 && bucket_of(weight) < bucket) {
      total_ -= weight;
      weight = 0;
    }
  }
}

void ProbabilityMass::drop_ranks_from(std::size_t rank) {
  for (; rank < ranked_.size(); ++rank) {
    total_ -= ranked_[rank].weight;
    weights_[ranked_[rank].token] = 0;
  }
}

}  // namespace troupe
