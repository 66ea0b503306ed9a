// Reductions over a block of 1024 threads, and a search in a weighted vocabulary. Integers and
// maxima: no order of threads can show in a result.
#pragma once

#include "kernels/cuda/sample.h"

#include <cstdint>

namespace troupe::cuda {

inline constexpr int kSampleThreads = 1024;
inline constexpr int kSampleWarps = kSampleThreads / 32;
inline constexpr unsigned kAllLanes = 0xffffffffU;

/// The logit of a token, for finding the largest: equal logits rank by lowest token.
struct Ranked {
  float logit;
  std::int32_t token;  // negative: none yet

  __device__ __forceinline__ bool before(const Ranked& other) const {
    if (token < 0 || other.token < 0) {
      return token >= 0;
    }
    return logit > other.logit || (logit == other.logit && token < other.token);
  }
};

__device__ __forceinline__ std::uint64_t sum_over_warp(std::uint64_t value) {
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(kAllLanes, value, offset);
  }
  return value;
}

/// The sum of `value` over the block, for every thread.
__device__ inline std::uint64_t sum_over_block(std::uint64_t value) {
  __shared__ std::uint64_t partial[kSampleWarps];
  value = sum_over_warp(value);
  __syncthreads();
  if (threadIdx.x % 32 == 0) {
    partial[threadIdx.x / 32] = value;
  }
  __syncthreads();
  return sum_over_warp(partial[threadIdx.x % 32]);
}

__device__ __forceinline__ Ranked first_of_warp(Ranked best) {
  for (int offset = 16; offset > 0; offset /= 2) {
    const Ranked other = {__shfl_xor_sync(kAllLanes, best.logit, offset),
                          __shfl_xor_sync(kAllLanes, best.token, offset)};
    if (other.before(best)) {
      best = other;
    }
  }
  return best;
}

/// The first in rank of the block, for every thread.
__device__ inline Ranked first_of_block(Ranked best) {
  __shared__ Ranked partial[kSampleWarps];
  best = first_of_warp(best);
  __syncthreads();
  if (threadIdx.x % 32 == 0) {
    partial[threadIdx.x / 32] = best;
  }
  __syncthreads();
  return first_of_warp(partial[threadIdx.x % 32]);
}

/// The weights of a vocabulary, summed by chunks of neighbouring tokens.
class ChunkedWeights {
 public:
  static constexpr int kMaxChunks = kSampleThreads;

  __device__ ChunkedWeights(std::uint64_t* chunks, std::int32_t vocab_size)
      : chunks_(chunks), vocab_size_(vocab_size) {
    const int least = (vocab_size + kMaxChunks - 1) / kMaxChunks;
    chunk_size_ = (least + 31) / 32 * 32;
    num_chunks_ = (vocab_size + chunk_size_ - 1) / chunk_size_;
  }

  /// Sums `weight_of(token)` by chunk, and gives the total to every thread.
  template <class WeightOf>
  __device__ std::uint64_t fill(WeightOf weight_of) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    __syncthreads();
    for (int chunk = static_cast<int>(threadIdx.x) / 32; chunk < num_chunks_;
         chunk += kSampleWarps) {
      std::uint64_t mass = 0;
      const int end = min((chunk + 1) * chunk_size_, vocab_size_);
      for (int token = chunk * chunk_size_ + lane; token < end; token += 32) {
        mass += weight_of(token);
      }
      mass = sum_over_warp(mass);
      if (lane == 0) {
        chunks_[chunk] = mass;
      }
    }
    __syncthreads();
    const int thread = static_cast<int>(threadIdx.x);
    return sum_over_block(thread < num_chunks_ ? chunks_[thread] : 0);
  }

  /// The token on which `point` falls, tokens laid out by id with the weights of the last fill;
  /// `point` is less than the total. For every thread.
  template <class WeightOf>
  __device__ std::int32_t locate(WeightOf weight_of, std::uint64_t point) {
    __shared__ std::int32_t found;
    if (threadIdx.x < 32) {
      const auto token = locate_by_warp(weight_of, point);
      if (threadIdx.x == 0) {
        found = token;
      }
    }
    __syncthreads();
    const auto token = found;
    __syncthreads();
    return token;
  }

 private:
  // Which lane's value `point` falls on; `point` becomes the rest. Values past the point are never
  // reached.
  __device__ static int lane_of(std::uint64_t value, std::uint64_t& point) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    std::uint64_t through = value;
    for (int offset = 1; offset < 32; offset *= 2) {
      const auto below = __shfl_up_sync(kAllLanes, through, offset);
      through += lane >= offset ? below : 0;
    }
    const unsigned reached = __ballot_sync(kAllLanes, point < through);
    const int hit = reached == 0 ? 32 : __ffs(static_cast<int>(reached)) - 1;
    const auto before = __shfl_sync(kAllLanes, through - value, hit % 32);
    const auto all = __shfl_sync(kAllLanes, through, 31);
    point -= hit == 32 ? all : before;
    return hit;
  }

  template <class WeightOf>
  __device__ std::int32_t locate_by_warp(WeightOf weight_of, std::uint64_t point) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    int chunk = 0;
    for (int first = 0; first < num_chunks_; first += 32) {
      const auto mass = first + lane < num_chunks_ ? chunks_[first + lane] : 0;
      const int hit = lane_of(mass, point);
      if (hit < 32) {
        chunk = first + hit;
        break;
      }
    }
    const int end = min((chunk + 1) * chunk_size_, vocab_size_);
    for (int first = chunk * chunk_size_; first < end; first += 32) {
      const auto weight = first + lane < end ? weight_of(first + lane) : 0;
      const int hit = lane_of(weight, point);
      if (hit < 32) {
        return first + hit;
      }
    }
    return end - 1;
  }

  std::uint64_t* chunks_;
  std::int32_t vocab_size_;
  std::int32_t chunk_size_ = 0;
  std::int32_t num_chunks_ = 0;
};

}  // namespace troupe::cuda
