// The probabilities of one row in 64-bit fixed point. Integers add up to the same sum in any order,
// so a sample does not depend on how a device splits its loops, and a device that follows
// `fixed_exp` draws the same token from the same logits.
#pragma once

#include "engine/base/ids.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// Fractional bits of a weight: the likeliest token has weight 2^40, and 2^23 tokens cannot
/// overflow.
inline constexpr int kWeightBits = 40;

/// exp(`x`) * 2^40, rounded, for `x` <= 0. Exact IEEE arithmetic in a fixed order, no libm: the
/// relative error is below 2^-39. NaN gives 0.
[[nodiscard]] std::uint64_t fixed_exp(double x);

/// Weights proportional to probabilities, and which of them are still in the draw. Tokens rank by
/// weight, equal weights by lowest id. Keeps its buffers between rows; not thread-safe.
class ProbabilityMass {
 public:
  /// weight[i] = exp((logits[i] - `top`) / `temperature`), where `top` is the largest logit.
  void assign(std::span<const float> logits, float top, float temperature);

  /// Leaves the tokens with at least `min_p` times the probability of the likeliest.
  void keep_min_p(float min_p);
  /// Leaves the `k` first in rank.
  void keep_top_k(std::int32_t k);
  /// Leaves the shortest run of first ranks that holds `top_p` of the mass that is left.
  void keep_top_p(float top_p);

  [[nodiscard]] std::uint64_t total() const { return total_; }

  /// The token on which the point `bits` / 2^64 of the mass falls, tokens laid out by id.
  [[nodiscard]] TokenId draw(std::uint64_t bits) const;

 private:
  // Eight buckets an octave: a bucket holds few of the weights that matter, and only one is sorted.
  static constexpr int kBucketsPerOctaveBits = 3;
  static constexpr std::size_t kNumBuckets = (kWeightBits + 1) << kBucketsPerOctaveBits;

  struct Bucket {
    std::uint64_t mass = 0;
    std::uint64_t count = 0;
  };

  struct Ranked {
    std::uint64_t weight = 0;
    std::size_t token = 0;
  };

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t weight);
  void fill_buckets();
  void rank_bucket(std::size_t bucket);
  void drop_buckets_below(std::size_t bucket);
  void drop_ranks_from(std::size_t rank);

  std::vector<std::uint64_t> weights_;
  std::uint64_t total_ = 0;
  std::array<Bucket, kNumBuckets> buckets_{};
  std::vector<Ranked> ranked_;  // of one bucket
};

}  // namespace troupe
