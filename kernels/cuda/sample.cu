#include "engine/base/random.h"
#include "kernels/cuda/block_reduce.cuh"
#include "kernels/cuda/chain.cuh"
#include "kernels/cuda/fixed_point.cuh"
#include "kernels/cuda/sample.h"
#include "kernels/cuda/weight_select.cuh"

namespace troupe::cuda {
namespace {

// The host sampler's border between a small temperature and a greedy choice.
constexpr float kLeastTemperature = 1e-5F;
constexpr float kLargest = 3.402823466e+38F;
// A token of the history that is in the output, or not.
constexpr unsigned kSeen = 0x80000000U;

// One row, as its block sees it.
struct Row {
  const SampleArgs& args;
  std::int64_t begin;  // of the row in [R, V]
  std::int32_t row;
  std::int32_t seat;
  std::int32_t position;
  const SeatSampling& sampling;

  __device__ const float* raw() const { return args.logits + begin; }
};

__device__ Ranked find_first(const float* logits, std::int32_t vocab_size) {
  Ranked best = {0.0F, -1};
  for (int token = static_cast<int>(threadIdx.x); token < vocab_size; token += kSampleThreads) {
    const Ranked next = {logits[token], token};
    if (next.before(best)) {
      best = next;
    }
  }
  return first_of_block(best);
}

// The first token whose logit is infinite or NaN, or the vocabulary's size.
__device__ std::int32_t find_not_finite(const float* logits, std::int32_t vocab_size) {
  std::int32_t first = vocab_size;
  for (int token = static_cast<int>(threadIdx.x); token < vocab_size; token += kSampleThreads) {
    if (!(fabsf(logits[token]) <= kLargest)) {
      first = min(first, token);
    }
  }
  // Lowest token first: they rank as equal logits do.
  const auto found = first_of_block({0.0F, first < vocab_size ? first : -1});
  return found.token < 0 ? vocab_size : found.token;
}

__device__ void find_top_logits(const Row& row, std::int32_t count) {
  const auto* logits = row.raw();
  auto* top = row.args.top_logits + static_cast<std::int64_t>(row.row) * kMaxTopLogprobs;
  Ranked last = {0.0F, -1};
  for (int rank = 0; rank < count; ++rank) {
    Ranked best = {0.0F, -1};
    for (int token = static_cast<int>(threadIdx.x); token < row.args.vocab_size;
         token += kSampleThreads) {
      const Ranked next = {logits[token], token};
      if ((rank == 0 || last.before(next)) && next.before(best)) {
        best = next;
      }
    }
    last = first_of_block(best);
    if (threadIdx.x == 0) {
      top[rank] = {last.token, last.logit};
    }
  }
}

// An entry of the list changes its token unless an earlier one names the same token: that one has
// applied them all, in their order.
__device__ void add_biases(const Row& row, float* logits) {
  const TokenBias* biases =
      row.args.state.biases + static_cast<std::int64_t>(row.seat) * kMaxBiases;
  const int count = row.sampling.num_biases;
  for (int index = static_cast<int>(threadIdx.x); index < count; index += kSampleThreads) {
    const auto token = biases[index].token;
    bool first = token >= 0 && token < row.args.vocab_size;
    for (int other = 0; first && other < index; ++other) {
      first = biases[other].token != token;
    }
    for (int other = index; first && other < count; ++other) {
      if (biases[other].token == token) {
        logits[token] = keep_finite(__fadd_rn(logits[token], biases[other].bias));
      }
    }
  }
  __syncthreads();
}

__device__ float penalise(float logit, unsigned num_in_output, const SeatSampling& sampling) {
  logit = logit > 0.0F ? __fdiv_rn(logit, sampling.repetition_penalty)
                       : __fmul_rn(logit, sampling.repetition_penalty);
  logit =
      __fsub_rn(logit, __fmul_rn(sampling.frequency_penalty, static_cast<float>(num_in_output)));
  logit = __fsub_rn(logit, num_in_output > 0 ? sampling.presence_penalty : 0.0F);
  return keep_finite(logit);
}

// Counts every token of the history, then whoever takes a token's count first applies it; the
// counts are zero again afterwards.
__device__ void add_penalties(const Row& row, float* logits) {
  const auto& state = row.args.state;
  const auto* history = state.history + static_cast<std::int64_t>(row.seat) * state.history_size;
  auto* counts = reinterpret_cast<unsigned*>(row.args.counts + row.begin);
  for (int at = static_cast<int>(threadIdx.x); at < row.position; at += kSampleThreads) {
    const auto token = history[at];
    atomicOr(&counts[token], kSeen);
    if (at >= row.sampling.num_prompt_tokens) {
      atomicAdd(&counts[token], 1U);
    }
  }
  __syncthreads();
  for (int at = static_cast<int>(threadIdx.x); at < row.position; at += kSampleThreads) {
    const auto token = history[at];
    const auto count = atomicExch(&counts[token], 0U);
    if (count != 0) {
      logits[token] = penalise(logits[token], count & ~kSeen, row.sampling);
    }
  }
  __syncthreads();
}

__device__ void mask_end_tokens(const Row& row, float* logits) {
  const auto* ends =
      row.args.state.end_tokens + static_cast<std::int64_t>(row.seat) * kMaxEndTokens;
  for (int index = static_cast<int>(threadIdx.x); index < row.sampling.num_end_tokens;
       index += kSampleThreads) {
    if (ends[index] >= 0 && ends[index] < row.args.vocab_size) {
      logits[ends[index]] = -kLargest;
    }
  }
  __syncthreads();
}

// The logits after biases, penalties and masks; the raw ones where the row has none.
__device__ const float* apply_rules(const Row& row) {
  const bool masks = row.args.masks_ends[row.row] != 0;
  if (row.sampling.num_biases == 0 && row.sampling.has_penalty == 0 && !masks) {
    return row.raw();
  }
  float* logits = row.args.adjusted + row.begin;
  for (int token = static_cast<int>(threadIdx.x); token < row.args.vocab_size;
       token += kSampleThreads) {
    logits[token] = row.raw()[token];
  }
  __syncthreads();
  add_biases(row, logits);
  if (row.sampling.has_penalty != 0) {
    add_penalties(row, logits);
  }
  if (masks) {
    mask_end_tokens(row, logits);
  }
  return logits;
}

// A draw from a row: a token's weight is exp((logit - peak) * scale).
struct Draw {
  const float* logits;
  double peak;
  double scale;
  std::uint64_t bits;  // where in the mass the draw falls
  Kept kept;

  __device__ std::uint64_t weight_of(std::int32_t token) const {
    return fixed_exp(__dmul_rn(__dsub_rn(logits[token], peak), scale));
  }
};

// Stores the weights, drops what top-k and top-p drop, and draws from the rest.
__device__ std::int32_t draw_ranked(const Row& row,
                                    const Draw& draw,
                                    ChunkedWeights& chunks,
                                    unsigned* bins) {
  auto kept = draw.kept;
  auto* weights = row.args.weights + row.begin;
  for (int token = static_cast<int>(threadIdx.x); token < row.args.vocab_size;
       token += kSampleThreads) {
    weights[token] = draw.weight_of(token);
  }
  __syncthreads();
  WeightSelect select(weights, row.args.vocab_size, bins, chunks);
  const auto weight_of = [&](std::int32_t token) -> std::uint64_t {
    return kept.holds(weights[token], token) ? weights[token] : 0;
  };
  if (row.sampling.top_k > 0) {
    const auto num_left = chunks.fill([&](std::int32_t token) -> std::uint64_t {
      return kept.holds(weights[token], token) ? 1 : 0;
    });
    const auto k = static_cast<std::uint64_t>(row.sampling.top_k);
    if (num_left > k) {
      select.keep_first<Measure::tokens>(kept, k);
    }
  }
  auto total = chunks.fill(weight_of);
  if (row.sampling.top_p < 1.0F) {
    const auto left = share_of(total, static_cast<double>(row.sampling.top_p));
    select.keep_first<Measure::weight>(kept, left);
    total = chunks.fill(weight_of);
  }
  return chunks.locate(weight_of, __umul64hi(draw.bits, total));
}

__device__ std::int32_t choose(const Row& row,
                               const float* logits,
                               const Ranked& top,
                               ChunkedWeights& chunks,
                               unsigned* bins) {
  const auto& sampling = row.sampling;
  if (sampling.temperature < kLeastTemperature) {
    return top.token;
  }
  Draw draw = {logits, top.logit, __ddiv_rn(1.0, static_cast<double>(sampling.temperature)),
               random_bits(sampling.seed, static_cast<std::uint64_t>(row.position)), Kept()};
  if (sampling.min_p > 0.0F) {
    draw.kept.least =
        share_of(std::uint64_t{1} << kWeightBits, static_cast<double>(sampling.min_p));
  }
  if (sampling.top_k > 0 || sampling.top_p < 1.0F) {
    return draw_ranked(row, draw, chunks, bins);
  }
  const auto weight_of = [&](std::int32_t token) -> std::uint64_t {
    const auto weight = draw.weight_of(token);
    return weight >= draw.kept.least ? weight : 0;
  };
  const auto total = chunks.fill(weight_of);
  return chunks.locate(weight_of, __umul64hi(draw.bits, total));
}

__device__ void publish(const Row& row, SampleOutcome outcome) {
  if (threadIdx.x != 0) {
    return;
  }
  const auto& state = row.args.state;
  // After a row without finite logits the step fails; the next one must find a token all the same.
  const auto token = outcome.token < 0 ? 0 : outcome.token;
  state.last_token[row.seat] = token;
  if (row.sampling.has_penalty != 0 && row.position < state.history_size) {
    state.history[static_cast<std::int64_t>(row.seat) * state.history_size + row.position] = token;
  }
  row.args.outcomes[row.row] = outcome;
}

__global__ void __launch_bounds__(kSampleThreads) sample_kernel(SampleArgs args) {
  __shared__ unsigned bins[WeightSelect::kNumBinWords];
  __shared__ std::uint64_t chunk_masses[ChunkedWeights::kMaxChunks];
  wait_for_predecessor();
  const int index = static_cast<int>(blockIdx.x);
  const auto seat = args.seats[index];
  if (seat < 0) {
    return;
  }
  const Row row = {args,
                   static_cast<std::int64_t>(index) * args.vocab_size,
                   index,
                   seat,
                   args.positions[index],
                   args.state.sampling[seat]};
  SampleOutcome outcome;
  const auto bad = find_not_finite(row.raw(), args.vocab_size);
  if (bad < args.vocab_size) {
    outcome.token = -1 - bad;
    outcome.logit = row.raw()[bad];
    publish(row, outcome);
    return;
  }
  ChunkedWeights chunks(chunk_masses, args.vocab_size);
  const auto raw_top = find_first(row.raw(), args.vocab_size);
  outcome.top = raw_top.logit;
  if (row.sampling.num_top_logprobs >= 0) {
    outcome.total = chunks.fill([&](std::int32_t token) {
      return fixed_exp(__dsub_rn(row.raw()[token], static_cast<double>(raw_top.logit)));
    });
    outcome.num_top = min(min(row.sampling.num_top_logprobs, kMaxTopLogprobs), args.vocab_size);
    find_top_logits(row, outcome.num_top);
  }
  const float* logits = apply_rules(row);
  const auto top = logits == row.raw() ? raw_top : find_first(logits, args.vocab_size);
  outcome.token = choose(row, logits, top, chunks, bins);
  outcome.logit = row.raw()[outcome.token];
  publish(row, outcome);
}

}  // namespace

Result<void> sample(const SampleArgs& args, cudaStream_t stream) {
  if (args.num_rows == 0) {
    return {};
  }
  return launch_chained(
      "sample", sample_kernel,
      {.grid = dim3(static_cast<unsigned>(args.num_rows)), .threads = kSampleThreads}, args,
      stream);
}

}  // namespace troupe::cuda
