// Kernels whose rows do not meet: norm, embedding, activation, rotary embedding and cache write.
#include "kernels/cuda/embed.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/rope_store.h"
#include "kernels/cuda/swiglu.h"

#include "tests/kernels/cuda/device_array.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace troupe::cuda {
namespace {

constexpr float kEpsilon = 1e-5F;

std::size_t size(std::int32_t a, std::int32_t b) {
  return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
}

struct NormCase {
  std::vector<float> residual;
  std::vector<Bf16> delta, bias, weight;
};

NormCase make_norm_case(std::int32_t rows, std::int32_t hidden, std::mt19937& random) {
  return {random_floats(size(rows, hidden), 2.0F, random),
          random_bf16(size(rows, hidden), 1.0F, random), random_bf16(size(1, hidden), 0.5F, random),
          random_bf16(size(1, hidden), 1.0F, random)};
}

// residual + delta + bias in float64, then its norm.
std::vector<double> expected_norm(const NormCase& from, std::int32_t rows, std::int32_t hidden) {
  std::vector<double> normed(size(rows, hidden));
  const auto width = static_cast<std::size_t>(hidden);
  for (std::size_t row = 0; row < normed.size() / width; ++row) {
    double squares = 0.0;
    for (std::size_t column = 0; column < width; ++column) {
      auto& value = normed[row * width + column];
      value = static_cast<double>(from.residual[row * width + column]) +
              wide(from.delta[row * width + column]) + wide(from.bias[column]);
      squares += value * value;
    }
    const auto scale = 1.0 / std::sqrt(squares / hidden + static_cast<double>(kEpsilon));
    for (std::size_t column = 0; column < width; ++column) {
      normed[row * width + column] *= scale * wide(from.weight[column]);
    }
  }
  return normed;
}

}  // namespace

TEST_CASE("on CUDA the norm of a sum is what float64 says, at any width") {
  std::mt19937 random(1);
  for (const std::int32_t hidden : {8, 128, 1000, 1024, 1028, 4096, 8192, 16384}) {
    CAPTURE(hidden);
    const std::int32_t rows = 5;
    const auto from = make_norm_case(rows, hidden, random);
    const DeviceArray<float> residual(from.residual);
    const DeviceArray<Bf16> delta(from.delta);
    const DeviceArray<Bf16> bias(from.bias);
    const DeviceArray<Bf16> weight(from.weight);
    const DeviceArray<Bf16> normed(size(rows, hidden));

    require(add_norm({.residual = residual.data(),
                      .delta = delta.data(),
                      .delta_bias = bias.data(),
                      .weight = weight.data(),
                      .rows = nullptr,
                      .normed = normed.data(),
                      .num_rows = rows,
                      .hidden_size = hidden,
                      .epsilon = kEpsilon},
                     nullptr));

    CHECK(distance(normed.values(), expected_norm(from, rows, hidden)) < kBf16Distance);
    std::vector<double> sum;
    for (std::size_t index = 0; index < from.residual.size(); ++index) {
      sum.push_back(static_cast<double>(from.residual[index]) + wide(from.delta[index]) +
                    wide(from.bias[index % static_cast<std::size_t>(hidden)]));
    }
    CHECK(distance(residual.values(), sum) < 1e-6);
  }
}

TEST_CASE(
    "on CUDA the norm of chosen rows has the bits of the norm of all, and writes no residual") {
  std::mt19937 random(2);
  const std::int32_t rows = 7;
  const std::int32_t hidden = 4096;
  const auto from = make_norm_case(rows, hidden, random);
  const DeviceArray<float> residual(from.residual);
  const DeviceArray<Bf16> delta(from.delta);
  const DeviceArray<Bf16> weight(from.weight);
  const DeviceArray<Bf16> all(size(rows, hidden));
  const std::vector<std::int32_t> chosen = {0, 3, 6};
  const DeviceArray<std::int32_t> chosen_rows(chosen);
  const DeviceArray<Bf16> some(size(3, hidden));
  AddNormArgs args{.residual = residual.data(),
                   .delta = delta.data(),
                   .delta_bias = nullptr,
                   .weight = weight.data(),
                   .rows = chosen_rows.data(),
                   .normed = some.data(),
                   .num_rows = 3,
                   .hidden_size = hidden,
                   .epsilon = kEpsilon};

  require(add_norm(args, nullptr));
  CHECK(residual.values() == from.residual);
  args.rows = nullptr;
  args.normed = all.data();
  args.num_rows = rows;
  require(add_norm(args, nullptr));

  const auto all_bits = bits_of(all.values());
  const auto some_bits = bits_of(some.values());
  for (std::size_t index = 0; index < chosen.size(); ++index) {
    const auto row = all_bits.begin() + std::int64_t{chosen[index]} * hidden;
    CHECK(std::equal(row, row + hidden, some_bits.begin() + std::int64_t(index) * hidden));
  }
}

TEST_CASE("on CUDA a token is embedded by its id, or by the last token of a seat") {
  std::mt19937 random(3);
  const std::int32_t hidden = 132;
  const auto table = random_bf16(size(50, hidden), 1.0F, random);
  const DeviceArray<Bf16> embedding(table);
  const std::vector<std::int32_t> tokens = {49, token_of_seat(2), 0, token_of_seat(0)};
  const std::vector<std::int32_t> last = {7, 0, 31};
  const DeviceArray<std::int32_t> on_device(tokens);
  const DeviceArray<std::int32_t> last_token(last);
  const DeviceArray<float> residual(size(4, hidden));

  require(embed({.tokens = on_device.data(),
                 .last_token = last_token.data(),
                 .embedding = embedding.data(),
                 .residual = residual.data(),
                 .num_tokens = 4,
                 .hidden_size = hidden},
                nullptr));

  const auto values = residual.values();
  const std::int32_t expected[] = {49, 31, 0, 7};
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t column = 0; column < static_cast<std::size_t>(hidden); ++column) {
      const auto source = size(expected[row], hidden) + column;
      REQUIRE(static_cast<double>(values[row * static_cast<std::size_t>(hidden) + column]) ==
              wide(table[source]));
    }
  }
}

TEST_CASE("on CUDA the gated activation is what float64 says") {
  std::mt19937 random(4);
  for (const std::int32_t inner : {8, 256, 2056, 11008}) {
    CAPTURE(inner);
    const std::int32_t tokens = 3;
    const auto gate_up = random_bf16(size(tokens, 2 * inner), 4.0F, random);
    const auto bias = random_bf16(size(1, 2 * inner), 1.0F, random);
    const DeviceArray<Bf16> input(gate_up);
    const DeviceArray<Bf16> added(bias);
    const DeviceArray<Bf16> activated(size(tokens, inner));

    require(swiglu({.gate_up = input.data(),
                    .bias = added.data(),
                    .activated = activated.data(),
                    .num_tokens = tokens,
                    .intermediate_size = inner},
                   nullptr));

    std::vector<double> expected;
    const auto width = static_cast<std::size_t>(inner);
    for (std::size_t token = 0; token < static_cast<std::size_t>(tokens); ++token) {
      for (std::size_t column = 0; column < width; ++column) {
        const auto gate = wide(gate_up[token * 2 * width + column]) + wide(bias[column]);
        const auto up =
            wide(gate_up[token * 2 * width + width + column]) + wide(bias[width + column]);
        expected.push_back(gate / (1.0 + std::exp(-gate)) * up);
      }
    }
    CHECK(distance(activated.values(), expected) < kBf16Distance);
  }
}

namespace {

// Heads: 3 query, 2 KV. What `rope_store` is to do with one head, in float64.
struct HeadCase {
  std::int32_t head_size = 0;
  std::int32_t rotary_dim = 0;
  bool has_norm = false;
};

std::vector<double> expected_head(std::vector<double> head,
                                  const std::vector<Bf16>& norm,
                                  const std::vector<float>& frequency,
                                  std::int32_t position,
                                  const HeadCase& shape) {
  if (shape.has_norm) {
    double squares = 0.0;
    for (const auto value : head) {
      squares += value * value;
    }
    const auto scale = 1.0 / std::sqrt(squares / shape.head_size + static_cast<double>(kEpsilon));
    for (std::size_t i = 0; i < head.size(); ++i) {
      head[i] *= scale * wide(norm[i]);
    }
  }
  const auto half = static_cast<std::size_t>(shape.rotary_dim / 2);
  for (std::size_t i = 0; i < half; ++i) {
    const auto angle = static_cast<double>(static_cast<float>(position) * frequency[i]);
    const auto a = head[i];
    const auto b = head[i + half];
    head[i] = a * std::cos(angle) - b * std::sin(angle);
    head[i + half] = b * std::cos(angle) + a * std::sin(angle);
  }
  return head;
}

constexpr std::int32_t kHeads = 3;
constexpr std::int32_t kKvHeads = 2;
constexpr std::size_t kAllHeads = kHeads + 2 * kKvHeads;
constexpr std::int32_t kNumBlocks = 6;
constexpr std::int32_t kNumPositions = 301;

// Four tokens, of which the last is not stored.
struct RopeCase {
  explicit RopeCase(const HeadCase& head) : shape(head) {
    std::mt19937 random(5);
    const auto width = static_cast<std::size_t>(shape.head_size);
    qkv = random_bf16(positions.size() * kAllHeads * width, 1.0F, random);
    bias = random_bf16(kAllHeads * width, 1.0F, random);
    norms = random_bf16(width, 1.0F, random);
    for (std::int32_t i = 0; i < shape.rotary_dim / 2; ++i) {
      frequency.push_back(
          std::pow(10000.0F, -2.0F * static_cast<float>(i) / static_cast<float>(shape.rotary_dim)));
    }
  }

  // Head `index` of a token, in float64.
  [[nodiscard]] std::vector<double> expected(std::size_t token, std::size_t index) const {
    const auto width = static_cast<std::size_t>(shape.head_size);
    std::vector<double> head;
    for (std::size_t i = 0; i < width; ++i) {
      head.push_back(wide(qkv[(token * kAllHeads + index) * width + i]) +
                     wide(bias[index * width + i]));
    }
    const bool is_value = index >= static_cast<std::size_t>(kHeads + kKvHeads);
    return is_value ? head : expected_head(head, norms, frequency, positions[token], shape);
  }

  HeadCase shape;
  std::vector<std::int32_t> positions = {0, 17, 300, 5};
  std::vector<std::int32_t> slots = {5 * 16 + 3, 15, 16, -1};
  std::vector<Bf16> qkv, bias, norms;
  std::vector<float> frequency;
};

struct RopeOutcome {
  KvLayer layer;
  std::vector<Bf16> qkv, cache;

  // Head `index` of a token, from where it was written.
  [[nodiscard]] std::vector<Bf16> head(std::size_t token, std::size_t index, int slot) const {
    const auto size = layer.head_size;
    if (index < static_cast<std::size_t>(kHeads)) {
      const auto begin = qkv.begin() + std::int64_t(token * kAllHeads + index) * size;
      return {begin, begin + size};
    }
    const bool is_value = index >= static_cast<std::size_t>(kHeads + kKvHeads);
    const auto kv_head = static_cast<std::int32_t>(index) - kHeads - (is_value ? kKvHeads : 0);
    const auto page = layer.key_page(slot / 16, kv_head) + (is_value ? layer.value_offset() : 0);
    std::vector<Bf16> values;
    for (std::int32_t i = 0; i < size; ++i) {
      const auto chunk = permuted_chunk(size, slot % 16, i / kChunk);
      values.push_back(
          cache[static_cast<std::size_t>(page + slot % 16 * size + chunk * kChunk + i % kChunk)]);
    }
    return values;
  }
};

RopeOutcome run_rope_store(const RopeCase& from) {
  const DeviceArray<Bf16> qkv(from.qkv);
  const DeviceArray<Bf16> bias(from.bias);
  const DeviceArray<Bf16> norms(from.norms);
  const DeviceArray<float> frequency(from.frequency);
  const DeviceArray<float2> table(kNumPositions * from.frequency.size());
  const DeviceArray<std::int32_t> positions(from.positions);
  const DeviceArray<std::int32_t> slots(from.slots);
  KvLayer layer{.data = nullptr, .num_kv_heads = kKvHeads, .head_size = from.shape.head_size};
  const DeviceArray<Bf16> cache(static_cast<std::size_t>(kNumBlocks * layer.block_size()));
  layer.data = cache.data();
  require(rope_table({.inverse_frequency = frequency.data(),
                      .table = table.data(),
                      .attention_factor = 1.0F,
                      .num_positions = kNumPositions,
                      .num_pairs = from.shape.rotary_dim / 2},
                     nullptr));
  require(rope_store({.qkv = qkv.data(),
                      .bias = bias.data(),
                      .query_norm = from.shape.has_norm ? norms.data() : nullptr,
                      .key_norm = from.shape.has_norm ? norms.data() : nullptr,
                      .rope = table.data(),
                      .positions = positions.data(),
                      .slots = slots.data(),
                      .cache = layer,
                      .num_tokens = static_cast<std::int32_t>(from.positions.size()),
                      .num_heads = kHeads,
                      .rotary_dim = from.shape.rotary_dim,
                      .norm_epsilon = kEpsilon},
                     nullptr));
  return {layer, qkv.values(), cache.values()};
}

void check_rope_store(const HeadCase& shape) {
  const RopeCase from(shape);

  const auto outcome = run_rope_store(from);

  for (std::size_t token = 0; token < from.positions.size(); ++token) {
    const bool is_stored = from.slots[token] >= 0;
    for (std::size_t index = 0; index < (is_stored ? kAllHeads : kHeads); ++index) {
      CAPTURE(token);
      CAPTURE(index);
      const auto actual = outcome.head(token, index, from.slots[token]);
      CHECK(distance(actual, from.expected(token, index)) < kBf16Distance);
    }
  }
  // Three tokens were stored, and nothing else was touched.
  const auto num_poisoned =
      std::count_if(outcome.cache.begin(), outcome.cache.end(),
                    [](Bf16 value) { return __bfloat16_as_ushort(value) == 0xffffU; });
  CHECK(num_poisoned ==
        kNumBlocks * outcome.layer.block_size() - 3 * 2 * kKvHeads * shape.head_size);
}

}  // namespace

TEST_CASE(
    "on CUDA queries and keys are biased, normalised and rotated, and keys and values stored") {
  for (const std::int32_t head_size : {64, 96, 128}) {
    for (const bool has_norm : {false, true}) {
      CAPTURE(head_size);
      CAPTURE(has_norm);
      check_rope_store({head_size, head_size, has_norm});
      check_rope_store({head_size, head_size / 2, has_norm});
    }
  }
}

}  // namespace troupe::cuda
