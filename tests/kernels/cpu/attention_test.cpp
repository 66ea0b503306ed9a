// Attention over scattered pages against a softmax written out in double. The cache is filled with
// NaN first: what was never stored must never count.
#include "kernels/cpu/attention.h"

#include "tests/kernels/cpu/batch_builder.h"
#include "tests/kernels/cpu/random_numbers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

namespace troupe::cpu {
namespace {

using test::BatchBuilder;
using test::CachedSequence;
using test::RandomNumbers;

constexpr std::int32_t kLayers = 2;
constexpr std::int32_t kLayer = 1;

ModelSpec spec_of(const AttentionShape& shape) {
  ModelSpec spec;
  spec.num_layers = kLayers;
  spec.num_heads = shape.num_heads;
  spec.num_kv_heads = shape.num_kv_heads;
  spec.head_size = shape.head_size;
  return spec;
}

struct Lengths {
  std::int32_t least = 1;
  std::int32_t most = 200;
  std::int32_t most_sequences = 4;
};

// Several segments of keys, the last one begun.
constexpr Lengths kLong{.least = 1100, .most = 1500, .most_sequences = 2};

/// Sequences of random length, keys and values, in a cache whose blocks are dealt out at random.
class Scene {
 public:
  Scene(const AttentionShape& shape, std::uint32_t seed, Lengths lengths = {})
      : shape_(shape),
        random_(seed),
        cache_(std::move(*KvCache::make(spec_of(shape), shape.block_size, kBlocks))) {
    cache_.fill(test::kNanBits);
    std::vector<std::int32_t> free(kBlocks);
    std::iota(free.begin(), free.end(), 0);
    std::shuffle(free.begin(), free.end(), random_.engine());
    const auto num_sequences = random_.between(1, lengths.most_sequences);
    for (std::int32_t i = 0; i < num_sequences; ++i) {
      const auto length = random_.between(lengths.least, lengths.most);
      const auto num_blocks = (length + shape.block_size - 1) / shape.block_size;
      CachedSequence sequence;
      sequence.tokens.assign(static_cast<std::size_t>(length), 0);
      sequence.blocks.assign(free.end() - num_blocks, free.end());
      free.resize(free.size() - static_cast<std::size_t>(num_blocks));
      sequences_.push_back(sequence);
      const auto elements = std::int64_t{length} * shape.num_kv_heads * shape.head_size;
      keys_.push_back(random_.narrow_floats(elements));
      values_.push_back(random_.narrow_floats(elements));
      queries_.push_back(
          random_.narrow_floats(std::int64_t{length} * shape.num_heads * shape.head_size));
    }
  }

  /// [heads * D] of the last row of `sequence`, with `count` of its tokens in the step.
  struct Row {
    std::size_t sequence = 0;
    std::int32_t position = 0;
    std::vector<Bf16> attended;
  };

  /// Stores all keys and values but those of the last tokens, then attends with these.
  std::vector<Row> attend(CpuPath path, std::int32_t threads) {
    BatchBuilder builder(shape_.block_size);
    for (std::size_t s = 0; s < sequences_.size(); ++s) {
      auto sequence = sequences_[s];
      const auto length = static_cast<std::int32_t>(sequence.tokens.size());
      const auto count = std::min(length, counts_.empty() ? length : counts_[s]);
      sequence.num_computed = length - count;
      for (std::int32_t position = 0; position < length; ++position) {
        store(s, position);
      }
      cache_clear(s, length - 1);
      builder.add(sequence, count);
    }
    return run(builder.batch(), path, threads);
  }

  void take_last(std::vector<std::int32_t> counts) { counts_ = std::move(counts); }

  [[nodiscard]] std::size_t num_sequences() const { return sequences_.size(); }

  [[nodiscard]] double expected(const Row& row, std::int32_t head, std::int32_t column) const {
    const auto kv_head = head / shape_.group();
    double total = 0.0;
    double sum = 0.0;
    for (std::int32_t key = 0; key <= row.position; ++key) {
      double score = 0.0;
      for (std::int32_t i = 0; i < shape_.head_size; ++i) {
        score += number(queries_[row.sequence], row.position, shape_.num_heads, head, i) *
                 number(keys_[row.sequence], key, shape_.num_kv_heads, kv_head, i);
      }
      const double weight = std::exp(score * double{shape_.scale});
      total += weight;
      sum += weight * number(values_[row.sequence], key, shape_.num_kv_heads, kv_head, column);
    }
    return sum / total;
  }

 private:
  static constexpr std::int32_t kBlocks = 200;

  [[nodiscard]] double number(const std::vector<Bf16>& values,
                              std::int32_t position,
                              std::int32_t num_heads,
                              std::int32_t head,
                              std::int32_t i) const {
    const auto index = (position * num_heads + head) * shape_.head_size + i;
    return double{widen(values[static_cast<std::size_t>(index)])};
  }

  [[nodiscard]] std::int64_t slot(std::size_t s, std::int32_t position) const {
    const auto block = sequences_[s].blocks[static_cast<std::size_t>(position / shape_.block_size)];
    return std::int64_t{block} * shape_.block_size + position % shape_.block_size;
  }

  void store(std::size_t s, std::int32_t position) {
    for (std::int32_t head = 0; head < shape_.num_kv_heads; ++head) {
      const auto first = (position * shape_.num_kv_heads + head) * shape_.head_size;
      cache_.store({.layer = kLayer, .kv_head = head, .slot = slot(s, position)},
                   keys_[s].data() + first, values_[s].data() + first);
    }
  }

  void cache_clear(std::size_t s, std::int32_t position) {
    for (std::int32_t head = 0; head < shape_.num_kv_heads; ++head) {
      cache_.clear_partner({.layer = kLayer, .kv_head = head, .slot = slot(s, position)});
    }
  }

  std::vector<Row> run(const PackedBatch& batch, CpuPath path, std::int32_t threads) {
    const auto group = shape_.group();
    const std::int64_t tokens = batch.num_tokens() + 3;
    const std::int64_t stride = std::int64_t{shape_.num_heads} * shape_.head_size + 5;
    std::vector<Bf16> query(static_cast<std::size_t>(tokens * shape_.num_heads * shape_.head_size),
                            test::kNanBits);
    std::vector<Row> rows;
    for (std::size_t s = 0; s < sequences_.size(); ++s) {
      for (auto t = batch.query_starts[s]; t < batch.query_starts[s + 1]; ++t) {
        const auto position = batch.positions[static_cast<std::size_t>(t)];
        rows.push_back({.sequence = s, .position = position, .attended = {}});
        for (std::int32_t kv_head = 0; kv_head < shape_.num_kv_heads; ++kv_head) {
          const auto from = (position * shape_.num_heads + kv_head * group) * shape_.head_size;
          std::copy_n(queries_[s].begin() + from, group * shape_.head_size,
                      query.begin() + (kv_head * tokens + t) * group * shape_.head_size);
        }
      }
    }
    std::vector<Bf16> attended(static_cast<std::size_t>(tokens * stride), test::kNanBits);
    ThreadTeam team(threads);
    Attention attention(shape_);
    attention.begin(batch, threads);
    attention.run({.team = &team, .kernels = &path_kernels(path)}, cache_,
                  {.query = query.data(),
                   .max_tokens = tokens,
                   .attended = attended.data(),
                   .attended_stride = stride,
                   .layer = kLayer});
    for (std::size_t t = 0; t < rows.size(); ++t) {
      const auto first = attended.begin() + static_cast<std::int64_t>(t) * stride;
      rows[t].attended.assign(first, first + std::int64_t{shape_.num_heads} * shape_.head_size);
    }
    return rows;
  }

  AttentionShape shape_;
  RandomNumbers random_;
  KvCache cache_;
  std::vector<CachedSequence> sequences_;
  std::vector<std::vector<Bf16>> keys_, values_, queries_;
  std::vector<std::int32_t> counts_;
};

const AttentionShape kShapes[] = {
    {.num_heads = 6, .num_kv_heads = 2, .head_size = 64, .block_size = 16, .scale = 0.125F},
    {.num_heads = 8, .num_kv_heads = 1, .head_size = 96, .block_size = 16, .scale = 0.1F},
    {.num_heads = 3, .num_kv_heads = 3, .head_size = 128, .block_size = 32, .scale = 0.09F},
    {.num_heads = 4, .num_kv_heads = 2, .head_size = 10, .block_size = 16, .scale = 0.3F},
    {.num_heads = 2, .num_kv_heads = 1, .head_size = 256, .block_size = 48, .scale = 0.06F},
};

TEST_CASE("attention is a causal softmax over the keys of the own sequence") {
  for (const auto path : available_cpu_paths()) {
    for (const auto& shape : kShapes) {
      for (std::uint32_t seed = 0; seed < 4; ++seed) {
        CAPTURE(std::string(to_string(path)));
        CAPTURE(shape.head_size);
        CAPTURE(seed);
        Scene scene(shape, seed);

        const auto rows = scene.attend(path, 2);

        for (std::size_t r = 0; r < rows.size(); r += 7) {
          for (std::int32_t i = 0; i < shape.num_heads * shape.head_size; i += 3) {
            const auto value = double{widen(rows[r].attended[static_cast<std::size_t>(i)])};
            const auto expected = scene.expected(rows[r], i / shape.head_size, i % shape.head_size);
            REQUIRE(test::near(value, expected, 1.0 / 100.0));
          }
        }
      }
    }
  }
}

TEST_CASE("a row attends with the same bits however many tokens and threads the step has") {
  for (const auto path : available_cpu_paths()) {
    for (const auto& shape : kShapes) {
      CAPTURE(std::string(to_string(path)));
      CAPTURE(shape.head_size);
      Scene scene(shape, 11);
      const auto whole = scene.attend(path, 1);
      for (std::uint32_t seed = 0; seed < 6; ++seed) {
        CAPTURE(seed);
        RandomNumbers random(seed);
        std::vector<std::int32_t> counts;
        for (std::size_t s = 0; s < scene.num_sequences(); ++s) {
          counts.push_back(seed == 0 ? 1 : random.between(1, 90));
        }
        scene.take_last(counts);

        const auto some = scene.attend(path, random.between(1, 3));

        for (const auto& row : some) {
          const auto same = std::ranges::find_if(whole, [&](const Scene::Row& other) {
            return other.sequence == row.sequence && other.position == row.position;
          });
          REQUIRE(same != whole.end());
          REQUIRE(same->attended == row.attended);
        }
      }
    }
  }
}

TEST_CASE("all paths join two softmaxes to the same bits, whichever holds the larger score") {
  RandomNumbers random(1);
  const std::vector<float> later_sums = random.floats(32);
  const std::vector<float> sums = random.floats(32);
  for (const auto& [earlier, later] : {std::pair{1.5F, 0.25F}, {0.25F, 1.5F}, {-90.0F, 90.0F}}) {
    CAPTURE(earlier);
    for (const auto path : available_cpu_paths()) {
      CAPTURE(std::string(to_string(path)));
      const SoftmaxState later_state{.largest = later, .sums = {2.0F, 3.0F}};
      SoftmaxState state{.largest = earlier, .sums = {5.0F, 7.0F}};
      SoftmaxState scalar_state = state;
      auto joined = sums;
      auto scalar = sums;
      JoinArgs args{.later = &later_state,
                    .later_sums = later_sums.data(),
                    .state = &state,
                    .sums = joined.data(),
                    .scale_log2 = 1.0F,
                    .width = 32};
      path_kernels(path).join(args);
      args.state = &scalar_state;
      args.sums = scalar.data();
      path_kernels(CpuPath::scalar).join(args);

      CHECK(state.largest == std::max(earlier, later));
      CHECK(std::memcmp(&state, &scalar_state, sizeof state) == 0);
      CHECK(joined == scalar);
      const double keep = std::exp2(double{earlier} - double{state.largest});
      const double add = std::exp2(double{later} - double{state.largest});
      CHECK(test::near(state.sums[1], 7.0 * keep + 3.0 * add, 1e-6));
      for (std::size_t i = 0; i < sums.size(); ++i) {
        CHECK(test::near(joined[i], double{sums[i]} * keep + double{later_sums[i]} * add, 1e-6));
      }
    }
  }
}

TEST_CASE("attention over several segments of keys is one softmax over all of them") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(std::string(to_string(path)));
    Scene scene(kShapes[0], 5, kLong);
    scene.take_last({1, 40});

    for (const std::int32_t threads : {1, 8}) {
      CAPTURE(threads);
      for (const auto& row : scene.attend(path, threads)) {
        for (std::int32_t i = 0; i < kShapes[0].num_heads * kShapes[0].head_size; i += 5) {
          const auto value = double{widen(row.attended[static_cast<std::size_t>(i)])};
          const auto expected =
              scene.expected(row, i / kShapes[0].head_size, i % kShapes[0].head_size);
          REQUIRE(test::near(value, expected, 1.0 / 100.0));
        }
      }
    }
  }
}

TEST_CASE("a long row attends with the same bits whether or not threads share out its keys") {
  for (const auto path : available_cpu_paths()) {
    for (const auto& shape : kShapes) {
      CAPTURE(std::string(to_string(path)));
      CAPTURE(shape.head_size);
      Scene scene(shape, 3, {.least = 500, .most = 1100, .most_sequences = 2});
      scene.take_last({700, 600});
      const auto whole = scene.attend(path, 1);
      for (const std::int32_t count : {1, 2, 9, 33}) {
        CAPTURE(count);
        scene.take_last({count, count});

        const auto some = scene.attend(path, 16);

        for (const auto& row : some) {
          const auto same = std::ranges::find_if(whole, [&](const Scene::Row& other) {
            return other.sequence == row.sequence && other.position == row.position;
          });
          REQUIRE(same != whole.end());
          REQUIRE(same->attended == row.attended);
        }
      }
    }
  }
}

}  // namespace
}  // namespace troupe::cpu
