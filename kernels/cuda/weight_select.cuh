// Which weights are left in the draw: a floor (min-p), and a place in the ranking (top-k, top-p)
// found by radix selection. Tokens rank by weight, equal weights by lowest id, as on the host.
#pragma once

#include "kernels/cuda/block_reduce.cuh"
#include "kernels/cuda/fixed_point.cuh"

#include <cstdint>

namespace troupe::cuda {

/// The tokens up to one place of the ranking.
struct Kept {
  std::uint64_t least = 1;                  // weights below are out
  std::uint64_t last_weight = 0;            // of the last place; 0: all places
  std::int32_t last_token = kMaxVocabSize;  // the last of its weight that is left

  __device__ __forceinline__ bool holds(std::uint64_t weight, std::int32_t token) const {
    return weight >= least &&
           (weight > last_weight || (weight == last_weight && token <= last_token));
  }
};

/// What a place in the ranking is counted in: tokens (top-k) or their weight (top-p).
enum class Measure { tokens, weight };

/// Finds places in the ranking of one row's weights.
class WeightSelect {
 public:
  // A weight has up to 41 bits. The first digit is its octave and the three bits after the leading
  // one, so that weights spread over the bins whatever their scale; then ten bits at a time.
  static constexpr int kFirstBits = 3;
  static constexpr int kDigitBits = 10;
  static constexpr int kNumDigits = 5;
  static constexpr int kNumBins = 1 << kDigitBits;
  static constexpr int kParts = 3;
  static constexpr int kPartBits = 14;
  static constexpr unsigned kPartMask = (1U << kPartBits) - 1;
  static constexpr int kNumBinWords = kParts * kNumBins;
  static constexpr int kLoadsInFlight = 4;

  __device__ WeightSelect(const std::uint64_t* weights,
                          std::int32_t vocab_size,
                          unsigned* bins,
                          ChunkedWeights& chunks)
      : weights_(weights), vocab_size_(vocab_size), bins_(bins), chunks_(chunks) {}

  /// Shortens `kept` to the shortest run of first places that measures at least `left`, which is
  /// more than 0 and at most what `kept` measures.
  template <Measure kMeasure>
  __device__ void keep_first(Kept& kept, std::uint64_t left) {
    std::uint64_t prefix = 0;
    for (int digit = 0; digit < kNumDigits; ++digit) {
      count<kMeasure>(kept, prefix, digit);
      prefix = (prefix << kDigitBits) | find_bin(left);
    }
    const auto weight = weight_of(prefix);
    // How many of the equal weights at the last place are left: `left` is what they must measure.
    const auto num_equal = kMeasure == Measure::tokens ? left : (left + weight - 1) / weight;
    const auto is_equal = [&](std::int32_t token) -> std::uint64_t {
      return weights_[token] == weight && kept.holds(weight, token) ? 1 : 0;
    };
    chunks_.fill(is_equal);
    const auto last_token = chunks_.locate(is_equal, num_equal - 1);
    kept.last_weight = weight;
    kept.last_token = last_token;
  }

 private:
  // The weight's digits, most significant first, as one number of 50 bits; its order is theirs.
  __device__ static std::uint64_t digits_of(std::uint64_t weight) {
    const int octave = 63 - __clzll(static_cast<long long>(weight));
    const auto normalised = weight << (63 - octave);
    const auto first = (static_cast<std::uint64_t>(octave) << kFirstBits) |
                       ((normalised >> (63 - kFirstBits)) & ((1U << kFirstBits) - 1));
    // The bits after the first four: at most 37 of them, in the four digits that follow.
    const auto rest = (normalised << (1 + kFirstBits)) >> (64 - 4 * kDigitBits);
    return (first << (4 * kDigitBits)) | rest;
  }

  __device__ static std::uint64_t weight_of(std::uint64_t digits) {
    const auto first = digits >> (4 * kDigitBits);
    const int octave = static_cast<int>(first >> kFirstBits);
    const auto rest = digits & ((std::uint64_t{1} << (4 * kDigitBits)) - 1);
    const auto normalised = (std::uint64_t{1} << 63) |
                            ((first & ((1U << kFirstBits) - 1)) << (63 - kFirstBits)) |
                            (rest << (64 - 4 * kDigitBits - 1 - kFirstBits));
    return normalised >> (63 - octave);
  }

  // Adds a weight to a bin in three parts of 14 bits: 32-bit additions in shared memory are one
  // instruction each, a 64-bit one is a loop. 2^18 tokens cannot overflow a part.
  template <Measure kMeasure>
  __device__ void add_to_bin(std::uint64_t bin, std::uint64_t weight) {
    if constexpr (kMeasure == Measure::tokens) {
      atomicAdd(&bins_[bin], 1U);
    } else {
      for (int part = 0; part < kParts; ++part) {
        const auto bits = static_cast<unsigned>(weight >> (part * kPartBits)) & kPartMask;
        if (bits != 0) {
          atomicAdd(&bins_[part * kNumBins + bin], bits);
        }
      }
    }
  }

  __device__ std::uint64_t bin_value(int bin) const {
    std::uint64_t value = 0;
    for (int part = 0; part < kParts; ++part) {
      value += static_cast<std::uint64_t>(bins_[part * kNumBins + bin]) << (part * kPartBits);
    }
    return value;
  }

  template <Measure kMeasure>
  __device__ void count(const Kept& kept, std::uint64_t prefix, int digit) {
    __syncthreads();
    for (int bin = static_cast<int>(threadIdx.x); bin < kNumBinWords; bin += kSampleThreads) {
      bins_[bin] = 0;
    }
    __syncthreads();
    const int shift = (kNumDigits - 1 - digit) * kDigitBits;
    for (int first = static_cast<int>(threadIdx.x); first < vocab_size_;
         first += kLoadsInFlight * kSampleThreads) {
      std::uint64_t weights[kLoadsInFlight];
#pragma unroll
      for (int i = 0; i < kLoadsInFlight; ++i) {
        const int token = first + i * kSampleThreads;
        weights[i] = token < vocab_size_ ? weights_[token] : 0;
      }
#pragma unroll
      for (int i = 0; i < kLoadsInFlight; ++i) {
        if (weights[i] > 0 && kept.holds(weights[i], first + i * kSampleThreads)) {
          const auto digits = digits_of(weights[i]) >> shift;
          if (digits >> kDigitBits == prefix) {
            add_to_bin<kMeasure>(digits % kNumBins, weights[i]);
          }
        }
      }
    }
    __syncthreads();
  }

  // The bin, from the largest down, in which `left` is reached; `left` becomes what it must still
  // measure within that bin.
  __device__ std::uint64_t find_bin(std::uint64_t& left) {
    __shared__ std::uint64_t found_left;
    __shared__ std::int32_t found_bin;
    if (threadIdx.x < 32) {
      const int lane = static_cast<int>(threadIdx.x);
      auto rest = left;
      for (int top = kNumBins; top > 0; top -= 32) {
        const auto value = bin_value(top - 1 - lane);
        std::uint64_t through = value;
        for (int offset = 1; offset < 32; offset *= 2) {
          const auto above = __shfl_up_sync(kAllLanes, through, offset);
          through += lane >= offset ? above : 0;
        }
        const unsigned reached = __ballot_sync(kAllLanes, through >= rest);
        if (reached != 0) {
          const int hit = __ffs(static_cast<int>(reached)) - 1;
          const auto before = __shfl_sync(kAllLanes, through - value, hit);
          if (lane == 0) {
            found_left = rest - before;
            found_bin = top - 1 - hit;
          }
          break;
        }
        rest -= __shfl_sync(kAllLanes, through, 31);
      }
    }
    __syncthreads();
    left = found_left;
    const auto bin = static_cast<std::uint64_t>(found_bin);
    __syncthreads();
    return bin;
  }

  const std::uint64_t* weights_;
  std::int32_t vocab_size_;
  unsigned* bins_;
  ChunkedWeights& chunks_;
};

}  // namespace troupe::cuda
