// The device's sampler against the host's: the same token and the same log-probabilities, bit for
// bit.
#include "kernels/cuda/sample.h"

#include "kernels/cuda/seat_update.h"
#include "kernels/cuda/step_output.h"
#include "kernels/cuda/step_seats.h"
#include "kernels/decoder/sampler.h"

#include "tests/kernels/cuda/device_array.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

namespace troupe::cuda {
namespace {

constexpr std::int32_t kMaxModelLen = 96;

// Requests of all kinds: each feature is there in a third of them.
SamplingParams random_params(std::int32_t vocab_size, std::mt19937& random) {
  const auto uniform = [&](float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(random);
  };
  const auto third = [&] { return random() % 3 == 0; };
  SamplingParams sampling;
  sampling.seed = random();
  sampling.temperature = third() ? 0.0F : uniform(0.05F, 2.5F);
  sampling.top_p = third() ? uniform(0.01F, 0.99F) : 1.0F;
  sampling.top_k = third() ? static_cast<std::int32_t>(random() % 60 + 1) : 0;
  sampling.min_p = third() ? uniform(0.0F, 0.3F) : 0.0F;
  sampling.repetition_penalty = third() ? uniform(0.5F, 2.0F) : 1.0F;
  sampling.presence_penalty = third() ? uniform(-2.0F, 2.0F) : 0.0F;
  sampling.frequency_penalty = third() ? uniform(-2.0F, 2.0F) : 0.0F;
  sampling.min_tokens = third() ? 8 : 0;
  if (third()) {
    sampling.logprobs = static_cast<std::int32_t>(random() % 21);
  }
  if (third()) {
    for (int entry = 0; entry < 40; ++entry) {  // some of them twice
      const auto token = static_cast<TokenId>(random() % static_cast<unsigned>(vocab_size));
      sampling.logit_bias.emplace_back(token / 8 * 8, uniform(-20.0F, 20.0F));
    }
    sampling.stop_token_ids = {1, 5, vocab_size - 1};
  }
  return sampling;
}

std::shared_ptr<SequenceStart> random_start(std::int32_t vocab_size, std::mt19937& random) {
  auto start = std::make_shared<SequenceStart>();
  start->sequence.value = random();
  const auto num_tokens = static_cast<std::int32_t>(random() % 60 + 1);
  for (std::int32_t token = 0; token < num_tokens; ++token) {
    start->tokens.push_back(static_cast<TokenId>(random() % static_cast<unsigned>(vocab_size)) / 4);
  }
  start->num_prompt_tokens =
      static_cast<std::int32_t>(random() % static_cast<unsigned>(num_tokens)) + 1;
  start->sampling = random_params(vocab_size, random);
  start->eos_tokens = {2, 3};
  return start;
}

// Logits as they come, flat ones, ones with many ties, and one that stands out.
std::vector<float> random_logits(std::int32_t vocab_size, std::mt19937& random) {
  std::normal_distribution<float> normal(0.0F, 3.0F);
  const auto kind = random() % 4;
  std::vector<float> logits(static_cast<std::size_t>(vocab_size));
  for (auto& logit : logits) {
    logit = kind == 1 ? 0.5F : normal(random);
    logit = kind == 2 ? std::round(logit) : logit;
  }
  if (kind == 3) {
    logits[random() % logits.size()] = 40.0F;
  }
  return logits;
}

// Seats on the device, and what a sampling step needs beside them.
struct Bench {
  Bench(std::int32_t seats, std::int32_t vocab)
      : num_seats(static_cast<std::size_t>(seats)),
        vocab_size(vocab),
        sampling(num_seats),
        biases(num_seats * kMaxBiases),
        end_tokens(num_seats * kMaxEndTokens),
        last_token(num_seats),
        history(num_seats * kMaxModelLen),
        tables(num_seats * 8),
        adjusted(num_seats * static_cast<std::size_t>(vocab)),
        counts(std::vector<std::int32_t>(num_seats * static_cast<std::size_t>(vocab))),
        weights(num_seats * static_cast<std::size_t>(vocab)),
        outcomes(num_seats),
        top_logits(num_seats * kMaxTopLogprobs) {}

  [[nodiscard]] SeatState state() const {
    return {sampling.data(),   biases.data(),  end_tokens.data(),
            last_token.data(), history.data(), kMaxModelLen};
  }

  std::size_t num_seats;
  std::int32_t vocab_size;
  DeviceArray<SeatSampling> sampling;
  DeviceArray<TokenBias> biases;
  DeviceArray<std::int32_t> end_tokens, last_token, history, tables;
  DeviceArray<float> adjusted;
  DeviceArray<std::int32_t> counts;
  DeviceArray<std::uint64_t> weights;
  DeviceArray<SampleOutcome> outcomes;
  DeviceArray<TopLogit> top_logits;
};

// Seats the sequences and gives the step that samples for all of them.
PackedStep seat_all(const Bench& bench,
                    const std::vector<std::shared_ptr<SequenceStart>>& starts,
                    StepSeats& seats) {
  StepPlan plan;
  for (std::size_t index = 0; index < starts.size(); ++index) {
    const auto seat = static_cast<std::int32_t>(index);
    const auto num_tokens = starts[index]->num_tokens();
    plan.seats_taken.push_back({seat, starts[index]});
    TableGrowth growth{seat, {}};
    growth.blocks.resize(static_cast<std::size_t>((num_tokens + 15) / 16));
    plan.table_growth.push_back(growth);
    plan.rows.push_back({seat, 0, num_tokens, true});
  }
  auto step = seats.apply(plan);
  const DeviceArray<SeatArrival> arrivals(step.arrivals);
  const DeviceArray<TokenBias> biases(step.biases);
  const DeviceArray<std::int32_t> ends(step.end_tokens);
  require(update_seats({.arrivals = arrivals.data(),
                        .biases = biases.data(),
                        .end_tokens = ends.data(),
                        .growth = nullptr,
                        .blocks = nullptr,
                        .state = bench.state(),
                        .tables = bench.tables.data(),
                        .table_width = 8,
                        .num_arrivals = static_cast<std::int32_t>(step.arrivals.size()),
                        .num_growth = 0},
                       nullptr));
  for (std::size_t index = 0; index < starts.size(); ++index) {
    const auto& tokens = starts[index]->tokens;
    REQUIRE(cudaMemcpy(bench.history.data() + index * kMaxModelLen, tokens.data(),
                       tokens.size() * sizeof(TokenId), cudaMemcpyHostToDevice) == cudaSuccess);
  }
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  return step;
}

Result<std::vector<SampledToken>> sample_on_device(const Bench& bench,
                                                   const PackedStep& step,
                                                   const std::vector<float>& logits) {
  const DeviceArray<float> on_device(logits);
  const DeviceArray<std::int32_t> seats(step.batch.sampling_seats);
  const DeviceArray<std::int32_t> positions(step.sample_positions);
  const DeviceArray<std::int32_t> masks(step.masks_ends);
  require(sample({.logits = on_device.data(),
                  .seats = seats.data(),
                  .positions = positions.data(),
                  .masks_ends = masks.data(),
                  .state = bench.state(),
                  .adjusted = bench.adjusted.data(),
                  .counts = bench.counts.data(),
                  .weights = bench.weights.data(),
                  .outcomes = bench.outcomes.data(),
                  .top_logits = bench.top_logits.data(),
                  .num_rows = step.batch.num_samples(),
                  .vocab_size = bench.vocab_size},
                 nullptr));
  Activations activations;
  activations.outcomes = bench.outcomes.data();
  activations.top_logits = bench.top_logits.data();
  auto output = require(StepOutput::make(static_cast<std::int32_t>(bench.num_seats)));
  require(output.download(activations, step.samples, nullptr));
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  return output.tokens(step.samples);
}

SampledToken sample_on_host(std::vector<float> logits, const SequenceStart& start) {
  TokenCounts counts;
  if (has_penalty(start.sampling)) {
    for (std::int32_t position = 0; position < start.num_tokens(); ++position) {
      counts[start.tokens[static_cast<std::size_t>(position)]] +=
          position < start.num_prompt_tokens ? 0 : 1;
    }
  }
  Sampler sampler;
  return require(
      sampler.sample(logits, {.start = start, .position = start.num_tokens(), .counts = counts}));
}

BackendDescription limits(std::int32_t num_seats, std::int32_t vocab_size) {
  return {.device = {},
          .num_blocks = 1,
          .block_size = 16,
          .bytes_per_block = 0,
          .max_num_seqs = num_seats,
          .max_num_batched_tokens = num_seats * kMaxModelLen,
          .vocab_size = vocab_size};
}

}  // namespace

TEST_CASE("CUDA samples the token, and the log-probabilities, that the host's sampler does") {
  for (const std::int32_t vocab_size : {7, 384, 1025, 32000, 128256}) {
    for (std::uint32_t seed = 0; seed < 4; ++seed) {
      CAPTURE(vocab_size);
      CAPTURE(seed);
      std::mt19937 random(seed * 1000 + static_cast<std::uint32_t>(vocab_size));
      const std::int32_t num_seats = vocab_size > 100000 ? 12 : 48;
      const Bench bench(num_seats, vocab_size);
      StepSeats seats(limits(num_seats, vocab_size), kMaxModelLen);
      std::vector<std::shared_ptr<SequenceStart>> starts;
      std::vector<float> logits;
      for (std::int32_t seat = 0; seat < num_seats; ++seat) {
        starts.push_back(random_start(vocab_size, random));
        const auto row = random_logits(vocab_size, random);
        logits.insert(logits.end(), row.begin(), row.end());
      }

      const auto step = seat_all(bench, starts, seats);
      const auto sampled = require(sample_on_device(bench, step, logits));

      REQUIRE(sampled.size() == starts.size());
      const auto last_token = bench.last_token.values();
      for (std::size_t seat = 0; seat < starts.size(); ++seat) {
        CAPTURE(seat);
        const auto begin = logits.begin() + std::int64_t(seat) * vocab_size;
        const auto expected = sample_on_host({begin, begin + vocab_size}, *starts[seat]);
        CHECK(sampled[seat].token == expected.token);
        CHECK(sampled[seat].position == expected.position);
        CHECK(sampled[seat].logprob == expected.logprob);
        CHECK(sampled[seat].top_logprobs == expected.top_logprobs);
        CHECK(last_token[seat] == expected.token);
      }
      const auto counts = bench.counts.values();
      CHECK(std::count(counts.begin(), counts.end(), 0) == std::int64_t(counts.size()));
    }
  }
}

TEST_CASE("CUDA names the logit that is not finite, and the row that has it") {
  for (const auto bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::mt19937 random(7);
    const Bench bench(2, 1000);
    StepSeats seats(limits(2, 1000), kMaxModelLen);
    auto logits = random_floats(2000, 3.0F, random);
    logits[1000 + 421] = bad;
    std::vector<std::shared_ptr<SequenceStart>> starts = {random_start(1000, random),
                                                          random_start(1000, random)};
    starts[1]->sequence.value = 77;

    const auto step = seat_all(bench, starts, seats);
    const auto sampled = sample_on_device(bench, step, logits);

    REQUIRE(!sampled.has_value());
    CHECK(sampled.error().code == ErrorCode::device);
    CHECK(sampled.error().message.find("token 421") != std::string::npos);
    CHECK(sampled.error().message.find("sequence 77") != std::string::npos);
  }
}

}  // namespace troupe::cuda
