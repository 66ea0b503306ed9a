// The CPU against the oracle, on whole models of random shapes and weights. Rounding to bfloat16
// between operations is all that may set them apart.
#include "kernels/cpu/cpu_operations.h"
#include "kernels/reference/reference_operations.h"

#include "tests/kernels/cpu/batch_builder.h"
#include "tests/kernels/cpu/random_model.h"
#include "tests/kernels/cpu/random_numbers.h"

#include <doctest/doctest.h>

#include <string>

namespace troupe::cpu {
namespace {

using test::BatchBuilder;
using test::CachedSequence;
using test::RandomNumbers;

constexpr std::int32_t kBlocks = 40;
constexpr std::int32_t kBlockSize = 16;
constexpr std::int32_t kMaxTokens = 256;
constexpr std::int32_t kMaxSequences = 4;
// Two layers of random weights; a missing bias or a wrong angle gives a distance near 1.
constexpr double kTolerance = 0.03;

test::RandomShape random_shape(RandomNumbers& random) {
  const auto group = random.between(1, 5);
  const auto kv_heads = random.between(1, 3);
  return {.hidden_size = random.between(20, 130),
          .num_layers = 2,
          .num_heads = group * kv_heads,
          .num_kv_heads = kv_heads,
          .head_size = 2 * random.between(4, 50),
          .intermediate_size = random.between(20, 200),
          .vocab_size = random.between(60, 300),
          .max_position = 256,
          .tied_embeddings = random.between(0, 1) == 1};
}

/// Half the sequences whole, half with a cached beginning that was computed a step earlier.
std::vector<BatchBuilder> random_steps(RandomNumbers& random, std::int32_t vocab) {
  std::vector<BatchBuilder> steps(2, BatchBuilder(kBlockSize));
  for (std::int32_t s = 0; s < kMaxSequences; ++s) {
    CachedSequence sequence;
    const auto length = random.between(2, 60);
    for (std::int32_t i = 0; i < length; ++i) {
      sequence.tokens.push_back(random.between(0, vocab - 1));
    }
    for (std::int32_t i = 0; i < (length + kBlockSize - 1) / kBlockSize; ++i) {
      sequence.blocks.push_back(i * kMaxSequences + (s * 7 + i) % kMaxSequences);
    }
    if (s % 2 == 0) {
      steps[0].add(sequence, random.between(1, length - 1));
    }
    steps[1].add(sequence, length - sequence.num_computed);
  }
  return steps;
}

double relative_distance(std::span<const float> logits, std::span<const float> expected) {
  double distance = 0.0;
  double length = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    distance += std::pow(double{logits[i]} - double{expected[i]}, 2.0);
    length += std::pow(double{expected[i]}, 2.0);
  }
  return std::sqrt(distance / length);
}

TEST_CASE("random models give the oracle's logits, on every path") {
  for (std::uint32_t seed = 0; seed < 24; ++seed) {
    CAPTURE(seed);
    RandomNumbers random(seed);
    const auto shape = random_shape(random);
    const auto model = test::random_model(
        shape, {.seed = seed, .biases = seed % 2 == 0, .qk_norm = seed % 3 == 0});
    const auto steps = random_steps(random, shape.vocab_size);
    ReferenceOperations reference(model, {.num_blocks = kBlocks,
                                          .block_size = kBlockSize,
                                          .max_num_seqs = kMaxSequences,
                                          .max_num_batched_tokens = kMaxTokens});
    const auto packed = pack_model(model, 2);
    for (const auto path : available_cpu_paths()) {
      CAPTURE(std::string(to_string(path)));
      auto operations = CpuOperations::make(*packed, {.num_threads = 2,
                                                      .path = path,
                                                      .block_size = kBlockSize,
                                                      .num_blocks = kBlocks,
                                                      .max_num_seqs = kMaxSequences,
                                                      .max_num_batched_tokens = kMaxTokens});
      for (const auto& step : steps) {
        REQUIRE(forward(reference, step.batch(), shape.num_layers));
        REQUIRE(forward(**operations, step.batch(), shape.num_layers));
      }
      for (std::int32_t row = 0; row < kMaxSequences; ++row) {
        REQUIRE(relative_distance((*operations)->logits_row(row), reference.logits_row(row)) <
                kTolerance);
      }
    }
  }
}

}  // namespace
}  // namespace troupe::cpu
