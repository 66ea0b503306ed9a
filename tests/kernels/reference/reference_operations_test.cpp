#include "kernels/reference/reference_operations.h"

#include "engine/base/check.h"
#include "kernels/reference/reference_backend.h"

#include "tests/kernels/reference/plain_transformer.h"
#include "tests/support/sequence_runner.h"

#include <doctest/doctest.h>

#include <cmath>
#include <deque>
#include <random>

namespace troupe {
namespace {

// A model of random size and structure, with the memory that its tensors point into.
class RandomModel {
 public:
  explicit RandomModel(std::uint32_t seed) : random_(seed) {
    auto& spec = model_->spec;
    spec.head_size = 2 * below(1, 5);
    spec.num_kv_heads = below(1, 3);
    spec.num_heads = spec.num_kv_heads * below(1, 3);
    spec.hidden_size = below(3, 21);
    spec.intermediate_size = below(1, 30);
    spec.vocab_size = below(5, 40);
    spec.num_layers = below(1, 3);
    spec.max_position = 128;
    spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(spec.head_size));
    spec.qk_norm = random_() % 2 == 0 ? QkNorm::none : QkNorm::per_head;
    spec.tied_embeddings = random_() % 2 == 0;
    spec.rope.rotary_dim = spec.head_size;
    spec.rope.attention_factor = random_() % 2 == 0 ? 1.0F : 1.2F;
    for (std::int32_t i = 0; i < spec.head_size; i += 2) {
      spec.rope.inverse_frequency.push_back(
          std::pow(100.0F, -static_cast<float>(i) / static_cast<float>(spec.head_size)));
    }
    fill();
  }

  [[nodiscard]] std::shared_ptr<const Model> get() const { return model_; }

  [[nodiscard]] std::vector<TokenId> tokens(std::int32_t count) {
    std::vector<TokenId> tokens;
    for (std::int32_t i = 0; i < count; ++i) {
      tokens.push_back(below(0, model_->spec.vocab_size - 1));
    }
    return tokens;
  }

 private:
  [[nodiscard]] std::int32_t below(std::int32_t low, std::int32_t high) {
    return low + static_cast<std::int32_t>(random_() % static_cast<std::uint32_t>(high - low + 1));
  }

  TensorView tensor(std::vector<std::int64_t> shape, float mean = 0.0F) {
    std::normal_distribution<float> normal(mean, 0.4F);
    std::size_t size = 1;
    for (const auto dimension : shape) {
      size *= static_cast<std::size_t>(dimension);
    }
    auto& values = memory_.emplace_back(size);
    for (auto& value : values) {
      value = normal(random_);
    }
    return {.dtype = DType::float32,
            .shape = std::move(shape),
            .data = reinterpret_cast<const std::byte*>(values.data())};
  }

  TensorView maybe(std::int64_t size) { return random_() % 2 == 0 ? tensor({size}) : TensorView{}; }

  void fill() {
    const auto& spec = model_->spec;
    const std::int64_t hidden = spec.hidden_size;
    const std::int64_t query = spec.num_heads * spec.head_size;
    const std::int64_t key_value = spec.num_kv_heads * spec.head_size;
    const std::int64_t inner = spec.intermediate_size;
    auto& weights = model_->weights;
    weights.embedding = tensor({spec.vocab_size, hidden});
    weights.final_norm = tensor({hidden}, 1.0F);
    weights.lm_head = spec.tied_embeddings ? weights.embedding : tensor({spec.vocab_size, hidden});
    for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) {
      LayerWeights added;
      added.attention_norm = tensor({hidden}, 1.0F);
      added.q = tensor({query, hidden});
      added.k = tensor({key_value, hidden});
      added.v = tensor({key_value, hidden});
      added.o = tensor({hidden, query});
      added.q_bias = maybe(query);
      added.k_bias = maybe(key_value);
      added.v_bias = maybe(key_value);
      added.o_bias = maybe(hidden);
      added.q_norm = tensor({spec.head_size}, 1.0F);
      added.k_norm = tensor({spec.head_size}, 1.0F);
      added.mlp_norm = tensor({hidden}, 1.0F);
      added.gate = tensor({inner, hidden});
      added.up = tensor({inner, hidden});
      added.down = tensor({hidden, inner});
      added.gate_bias = maybe(inner);
      added.up_bias = maybe(inner);
      added.down_bias = maybe(hidden);
      weights.layers.push_back(std::move(added));
    }
  }

  std::mt19937 random_;
  std::deque<std::vector<float>> memory_;
  std::shared_ptr<Model> model_ = std::make_shared<Model>();
};

TEST_CASE("the reference agrees with the formulas in double, whatever the model's shape") {
  constexpr ReferenceSizes kSizes{
      .num_blocks = 16, .block_size = 3, .max_num_seqs = 2, .max_num_batched_tokens = 64};
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    RandomModel model(seed);
    const auto tokens = model.tokens(1 + static_cast<std::int32_t>(seed % 17));
    const auto expected = plain_logits(model.get()->spec, widen(*model.get()), tokens);
    ReferenceOperations operations(model.get(), kSizes);
    SequenceRunner runner(operations, *model.get(),
                          {.device = {},
                           .num_blocks = kSizes.num_blocks,
                           .block_size = kSizes.block_size,
                           .bytes_per_block = 0,
                           .max_num_seqs = kSizes.max_num_seqs,
                           .max_num_batched_tokens = kSizes.max_num_batched_tokens,
                           .vocab_size = model.get()->spec.vocab_size});
    const auto num_tokens = static_cast<std::int32_t>(tokens.size());
    runner.start(1, tokens, num_tokens);
    if (num_tokens > 4) {
      runner.add(1, 4);
      runner.step();
    }
    runner.add(1, num_tokens > 4 ? num_tokens - 4 : num_tokens);
    runner.step();

    const auto found = runner.logits(0);

    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(i);
      REQUIRE(static_cast<double>(found[i]) == doctest::Approx(expected[i]).epsilon(1e-4));
    }
  }
}

TEST_CASE("a reference backend says what it has") {
  RandomModel model(1);
  const auto& spec = model.get()->spec;

  const auto backend = make_reference_backend(
      model.get(),
      {.num_blocks = 5, .block_size = 4, .max_num_seqs = 3, .max_num_batched_tokens = 20});

  REQUIRE(backend.has_value());
  const auto& description = (*backend)->description();
  CHECK(description.num_blocks == 5);
  CHECK(description.block_size == 4);
  CHECK(description.bytes_per_block ==
        4 * 2 * 4 * spec.num_layers * spec.num_kv_heads * spec.head_size);
  CHECK(description.max_num_seqs == 3);
  CHECK(description.max_num_batched_tokens == 20);
  CHECK(description.vocab_size == spec.vocab_size);
}

TEST_CASE("a reference backend of no size is a bug") {
  RandomModel model(1);
  CHECK_THROWS_AS(static_cast<void>(make_reference_backend(model.get(), {.num_blocks = 0})),
                  InvariantViolation);
}

}  // namespace
}  // namespace troupe
