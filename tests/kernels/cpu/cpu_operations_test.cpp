// Whole models: the same tokens must give the same bits on every way through the machine.
#include "kernels/cpu/cpu_operations.h"

#include "engine/base/check.h"

#include "tests/kernels/cpu/batch_builder.h"
#include "tests/kernels/cpu/random_model.h"
#include "tests/kernels/cpu/random_numbers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <string>

namespace troupe::cpu {
namespace {

using test::BatchBuilder;
using test::CachedSequence;
using test::RandomNumbers;
using test::RandomShape;

constexpr std::int32_t kBlockSize = 16;
constexpr std::int32_t kBlocks = 64;

/// Sizes that no register divides: odd intermediate size, panels that end early, groups of 3.
const RandomShape kShape = {.hidden_size = 102,
                            .num_layers = 2,
                            .num_heads = 6,
                            .num_kv_heads = 2,
                            .head_size = 34,
                            .intermediate_size = 173,
                            .vocab_size = 331,
                            .max_position = 256};

struct Way {
  CpuPath path = CpuPath::scalar;
  std::int32_t threads = 1;
};

/// A device, and the logits of every token that ever sampled on it.
class Stage {
 public:
  Stage(std::shared_ptr<const CpuModel> model, const Way& way)
      : num_layers_(model->source->spec.num_layers),
        operations_(*CpuOperations::make(std::move(model),
                                         {.num_threads = way.threads,
                                          .path = way.path,
                                          .block_size = kBlockSize,
                                          .num_blocks = kBlocks,
                                          .max_num_seqs = 8,
                                          .max_num_batched_tokens = 300})) {
    operations_->cache().fill(test::kNanBits);
  }

  /// The logits of each sampling row.
  std::vector<std::vector<float>> step(const BatchBuilder& builder) {
    REQUIRE(forward(*operations_, builder.batch(), num_layers_));
    std::vector<std::vector<float>> rows;
    for (std::int32_t row = 0; row < builder.batch().num_samples(); ++row) {
      const auto logits = operations_->logits_row(row);
      rows.emplace_back(logits.begin(), logits.end());
    }
    return rows;
  }

  CpuOperations& operations() { return *operations_; }

 private:
  std::int32_t num_layers_ = 0;
  std::unique_ptr<CpuOperations> operations_;
};

/// Deals out blocks in a random order.
class Dealer {
 public:
  explicit Dealer(std::uint32_t seed) : random_(seed), free_(kBlocks) {
    std::iota(free_.begin(), free_.end(), 0);
    std::shuffle(free_.begin(), free_.end(), random_.engine());
  }

  CachedSequence deal(std::vector<TokenId> tokens) {
    CachedSequence sequence;
    sequence.tokens = std::move(tokens);
    const auto count = (sequence.tokens.size() + kBlockSize - 1) / kBlockSize;
    for (std::size_t i = 0; i < count; ++i) {
      sequence.blocks.push_back(free_.back());
      free_.pop_back();
    }
    return sequence;
  }

 private:
  RandomNumbers random_;
  std::vector<std::int32_t> free_;
};

std::vector<TokenId> random_tokens(std::uint32_t seed, std::int32_t count) {
  RandomNumbers random(seed);
  std::vector<TokenId> tokens;
  for (std::int32_t i = 0; i < count; ++i) {
    tokens.push_back(random.between(0, kShape.vocab_size - 1));
  }
  return tokens;
}

std::shared_ptr<const CpuModel> packed_model(const test::RandomModelOptions& options) {
  return *pack_model(test::random_model(kShape, options), 2);
}

std::vector<float> one_shot(const std::shared_ptr<const CpuModel>& model,
                            const Way& way,
                            const std::vector<TokenId>& tokens) {
  Stage stage(model, way);
  auto sequence = Dealer(1).deal(tokens);
  BatchBuilder builder(kBlockSize);
  builder.add(sequence, static_cast<std::int32_t>(tokens.size()));
  return stage.step(builder)[0];
}

bool all_finite(const std::vector<float>& values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

TEST_CASE("logits have the same bits in one shot, in chunks, token by token and on any thread") {
  const auto model = packed_model({.biases = true, .qk_norm = true});
  const auto tokens = random_tokens(1, 150);
  for (const auto path : available_cpu_paths()) {
    CAPTURE(std::string(to_string(path)));
    const auto expected = one_shot(model, {.path = path, .threads = 1}, tokens);
    REQUIRE(all_finite(expected));
    for (std::uint32_t seed = 0; seed < 6; ++seed) {
      CAPTURE(seed);
      RandomNumbers random(seed);
      Stage stage(model, {.path = path, .threads = random.between(1, 3)});
      auto sequence = Dealer(seed).deal(tokens);
      std::vector<std::vector<float>> logits;
      while (sequence.num_computed < 150) {
        const auto left = 150 - sequence.num_computed;
        BatchBuilder builder(kBlockSize);
        builder.add(sequence, seed == 0 ? 1 : std::min(left, random.between(1, 70)));
        logits = stage.step(builder);
      }
      REQUIRE(logits[0] == expected);
    }
  }
}

TEST_CASE("logits have the same bits alone and in any company") {
  const auto model = packed_model({});
  std::vector<std::vector<TokenId>> prompts;
  for (std::uint32_t i = 0; i < 6; ++i) {
    prompts.push_back(random_tokens(100 + i, 20 + 25 * static_cast<std::int32_t>(i)));
  }
  for (const auto path : available_cpu_paths()) {
    for (std::uint32_t seed = 0; seed < 4; ++seed) {
      CAPTURE(std::string(to_string(path)));
      CAPTURE(seed);
      RandomNumbers random(seed);
      Stage stage(model, {.path = path, .threads = random.between(1, 3)});
      Dealer dealer(seed);
      std::vector<CachedSequence> sequences;
      for (const auto& prompt : prompts) {
        sequences.push_back(dealer.deal(prompt));
      }
      std::vector<std::vector<float>> last(prompts.size());
      bool busy = true;
      while (busy) {
        BatchBuilder builder(kBlockSize);
        std::vector<std::size_t> members;
        for (std::size_t s = 0; s < sequences.size(); ++s) {
          const auto left =
              static_cast<std::int32_t>(prompts[s].size()) - sequences[s].num_computed;
          if (left > 0 && random.between(0, 2) > 0) {
            builder.add(sequences[s], std::min(left, random.between(1, 40)));
            members.push_back(s);
          }
        }
        const auto logits = stage.step(builder);
        for (std::size_t i = 0; i < members.size(); ++i) {
          last[members[i]] = logits[i];
        }
        busy = std::ranges::any_of(sequences, [](const CachedSequence& sequence) {
          return sequence.num_computed < static_cast<std::int32_t>(sequence.tokens.size());
        });
      }
      for (std::size_t s = 0; s < prompts.size(); ++s) {
        REQUIRE(last[s] == one_shot(model, {.path = path, .threads = 1}, prompts[s]));
      }
    }
  }
}

TEST_CASE("logits have the same bits on every path of instructions") {
  const auto model = packed_model({.biases = true});
  const auto tokens = random_tokens(5, 90);
  const auto expected = one_shot(model, {.path = CpuPath::scalar, .threads = 1}, tokens);
  for (const auto path : available_cpu_paths()) {
    CAPTURE(std::string(to_string(path)));
    REQUIRE(one_shot(model, {.path = path, .threads = 2}, tokens) == expected);
  }
}

TEST_CASE("what an earlier sequence left in a block does not reach its next owner") {
  const auto model = packed_model({});
  const auto tokens = random_tokens(6, 75);
  const Way way{.path = available_cpu_paths().back(), .threads = 2};
  Stage stage(model, way);
  stage.operations().cache().fill(narrow(std::numeric_limits<float>::infinity()));
  auto sequence = Dealer(3).deal(tokens);
  std::vector<std::vector<float>> logits;

  while (sequence.num_computed < 75) {
    BatchBuilder builder(kBlockSize);
    builder.add(sequence, std::min(75 - sequence.num_computed, 7));
    logits = stage.step(builder);
  }

  CHECK(logits[0] == one_shot(model, way, tokens));
}

TEST_CASE("a checkpoint in float16 or float32 computes as its bfloat16 rounding does") {
  for (const auto dtype : {DType::float16, DType::float32}) {
    const auto model = packed_model({.dtype = dtype});
    const auto plain = packed_model({});
    const Way way{.path = available_cpu_paths().back(), .threads = 2};
    const auto tokens = random_tokens(7, 30);

    const auto logits = one_shot(model, way, tokens);
    const auto expected = one_shot(plain, way, tokens);

    double distance = 0.0;
    double length = 0.0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      distance += std::pow(double{logits[i]} - double{expected[i]}, 2.0);
      length += std::pow(double{expected[i]}, 2.0);
    }
    CHECK(std::sqrt(distance / length) < 0.03);
  }
}

TEST_CASE("a step that was not declared is a bug, and says so") {
  Stage stage(packed_model({}), {});
  auto sequence = Dealer(1).deal(random_tokens(8, 256));
  sequence.tokens[3] = kShape.vocab_size;
  BatchBuilder builder(kBlockSize);
  builder.add(sequence, 10);

  CHECK_THROWS_AS(static_cast<void>(stage.operations().begin(builder.batch())), InvariantViolation);
  CHECK_THROWS_AS(static_cast<void>(stage.operations().logits_row(0)), InvariantViolation);
}

TEST_CASE("a shape that the kernels cannot compute is refused with the numbers") {
  auto shape = kShape;
  shape.head_size = 258;
  const auto wide = pack_model(test::random_model(shape, {}), 1);
  REQUIRE(!wide);
  CHECK(wide.error().code == ErrorCode::unsupported);
  CHECK(wide.error().message.find("258") != std::string::npos);

  shape = kShape;
  shape.num_kv_heads = 4;
  const auto uneven = pack_model(test::random_model(shape, {}), 1);
  REQUIRE(!uneven);
  CHECK(uneven.error().code == ErrorCode::unsupported);
}

}  // namespace
}  // namespace troupe::cpu
