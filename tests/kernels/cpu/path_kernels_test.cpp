// Every table of kernels against plain arithmetic in double, on outputs poisoned with NaN, and
// against each other bit by bit.
#include "kernels/cpu/path_kernels.h"

#include "engine/base/check.h"

#include "tests/kernels/cpu/random_numbers.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

namespace troupe::cpu {
namespace {

using test::kNan;
using test::kNanBits;
using test::near;
using test::RandomNumbers;

constexpr double kProductTolerance = 1e-5;
constexpr double kRoundedTolerance = 1.0 / 128.0;  // one step of bfloat16

std::string name(CpuPath path) {
  return std::string(to_string(path));
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

struct ProductCase {
  explicit ProductCase(std::uint32_t seed) {
    RandomNumbers random(seed);
    rows = random.between(1, kTileRows);
    vectors = random.between(1, kPanelVectors);
    pairs = random.between(0, 40);
    stride = 2 * pairs + random.between(0, 5);
    x = random.narrow_floats(kTileRows * stride + 1);
    panel = random.narrow_floats(std::int64_t{pairs} * vectors * kVectorColumns * 2 + 1);
  }

  [[nodiscard]] std::vector<float> run(CpuPath path) const {
    std::vector<float> out(kTileRows * kPanelColumns, kNan);
    path_kernels(path).product({.x = x.data(),
                                .x_stride = stride,
                                .panel = panel.data(),
                                .out = out.data(),
                                .rows = rows,
                                .vectors = vectors,
                                .pairs = pairs});
    return out;
  }

  [[nodiscard]] double expected(std::int32_t row, std::int32_t column) const {
    double sum = 0.0;
    for (std::int32_t k = 0; k < 2 * pairs; ++k) {
      const auto weight = (k / 2 * vectors * kVectorColumns + column) * 2 + k % 2;
      sum += double{widen(x[static_cast<std::size_t>(row * stride + k)])} *
             double{widen(panel[static_cast<std::size_t>(weight)])};
    }
    return sum;
  }

  std::int32_t rows = 0;
  std::int32_t vectors = 0;
  std::int32_t pairs = 0;
  std::int64_t stride = 0;
  std::vector<Bf16> x;
  std::vector<Bf16> panel;
};

TEST_CASE("a product tile is the product, whatever its size and the path") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    for (std::uint32_t seed = 0; seed < 200; ++seed) {
      CAPTURE(seed);
      const ProductCase product(seed);

      const auto out = product.run(path);

      for (std::int32_t row = 0; row < kTileRows; ++row) {
        for (std::int32_t column = 0; column < kPanelColumns; ++column) {
          const auto value = out[static_cast<std::size_t>(row * kPanelColumns + column)];
          if (row < product.rows && column < product.vectors * kVectorColumns) {
            REQUIRE(near(value, product.expected(row, column), kProductTolerance));
          } else {
            REQUIRE(std::isnan(value));  // nothing is written beside the tile
          }
        }
      }
    }
  }
}

TEST_CASE("all paths compute the same bits of a product") {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const ProductCase product(seed);
    const auto expected = product.run(CpuPath::scalar);
    for (const auto path : available_cpu_paths()) {
      CAPTURE(name(path));
      REQUIRE(same_bits(product.run(path), expected));
    }
  }
}

TEST_CASE("a row of a product does not depend on the rows beside it") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    for (std::uint32_t seed = 0; seed < 100; ++seed) {
      CAPTURE(seed);
      ProductCase product(seed);
      const auto together = product.run(path);
      const auto last = product.rows - 1;
      product.rows = 1;
      product.x.erase(product.x.begin(), product.x.begin() + last * product.stride);

      const auto alone = product.run(path);

      REQUIRE(std::memcmp(
                  alone.data(), together.data() + last * kPanelColumns,
                  static_cast<std::size_t>(product.vectors) * kVectorColumns * sizeof(float)) == 0);
    }
  }
}

/// One attention tile: scores, softmax over two tiles, weighted values.
struct TileCase {
  explicit TileCase(std::uint32_t seed) {
    RandomNumbers random(seed);
    rows = random.between(1, kAttentionRows);
    num_pages = random.between(1, kTilePages);
    pairs = random.between(1, 70);
    width = kVectorColumns * random.between(1, 9);
    value_pairs = random.between(8 * (num_pages - 1) + 1, 8 * num_pages);
    query = random.narrow_floats(std::int64_t{rows} * 2 * pairs);
    weights = random.narrow_floats(rows * kTileKeys);
    corrections = random.floats(rows);
    sums = random.floats(rows * width);
    for (std::int32_t page = 0; page < num_pages; ++page) {
      keys.push_back(random.narrow_floats(std::int64_t{pairs} * kPageTokens * 2));
      values.push_back(random.narrow_floats(std::int64_t{kPageTokens} * width));
    }
  }

  [[nodiscard]] std::vector<float> scores(CpuPath path) const {
    std::vector<float> out(static_cast<std::size_t>(rows * kTileKeys), kNan);
    ScoreArgs args{.query = query.data(),
                   .query_stride = 2 * pairs,
                   .scores = out.data(),
                   .rows = rows,
                   .num_pages = num_pages,
                   .pairs = pairs};
    for (std::size_t page = 0; page < keys.size(); ++page) {
      args.pages[page] = keys[page].data();
      args.ahead[page] = keys.front().data();
    }
    path_kernels(path).scores(args);
    return out;
  }

  [[nodiscard]] std::vector<float> summed(CpuPath path) const {
    auto out = sums;
    ValueArgs args{.weights = weights.data(),
                   .corrections = corrections.data(),
                   .sums = out.data(),
                   .rows = rows,
                   .pairs = value_pairs,
                   .width = width};
    for (std::size_t page = 0; page < values.size(); ++page) {
      args.pages[page] = values[page].data();
      args.ahead[page] = values.front().data();
    }
    path_kernels(path).values(args);
    return out;
  }

  [[nodiscard]] double expected_score(std::int32_t row, std::int32_t key) const {
    const auto& page = keys[static_cast<std::size_t>(key / kPageTokens)];
    double sum = 0.0;
    for (std::int32_t i = 0; i < 2 * pairs; ++i) {
      const auto index = (i / 2 * kPageTokens + key % kPageTokens) * 2 + i % 2;
      sum += double{widen(query[static_cast<std::size_t>(row * 2 * pairs + i)])} *
             double{widen(page[static_cast<std::size_t>(index)])};
    }
    return sum;
  }

  [[nodiscard]] double expected_sum(std::int32_t row, std::int32_t column) const {
    double sum = double{sums[static_cast<std::size_t>(row * width + column)]} *
                 double{corrections[static_cast<std::size_t>(row)]};
    for (std::int32_t key = 0; key < 2 * value_pairs; ++key) {
      const auto& page = values[static_cast<std::size_t>(key / kPageTokens)];
      const auto token = key % kPageTokens;
      const auto index = (token / 2 * width + column) * 2 + token % 2;
      sum += double{widen(weights[static_cast<std::size_t>(row * kTileKeys + key)])} *
             double{widen(page[static_cast<std::size_t>(index)])};
    }
    return sum;
  }

  std::int32_t rows = 0;
  std::int32_t num_pages = 0;
  std::int32_t pairs = 0;
  std::int32_t width = 0;
  std::int32_t value_pairs = 0;
  std::vector<Bf16> query, weights;
  std::vector<float> corrections, sums;
  std::vector<std::vector<Bf16>> keys, values;
};

TEST_CASE("scores are queries times keys, page by page") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
      CAPTURE(seed);
      const TileCase tile(seed);

      const auto scores = tile.scores(path);

      REQUIRE(same_bits(scores, tile.scores(CpuPath::scalar)));
      for (std::int32_t row = 0; row < tile.rows; ++row) {
        for (std::int32_t key = 0; key < tile.num_pages * kPageTokens; ++key) {
          REQUIRE(near(scores[static_cast<std::size_t>(row * kTileKeys + key)],
                       tile.expected_score(row, key), kProductTolerance));
        }
      }
    }
  }
}

TEST_CASE("sums of values are corrected, then grow by weights times values") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
      CAPTURE(seed);
      const TileCase tile(seed);

      const auto sums = tile.summed(path);

      REQUIRE(same_bits(sums, tile.summed(CpuPath::scalar)));
      for (std::int32_t row = 0; row < tile.rows; ++row) {
        for (std::int32_t column = 0; column < tile.width; ++column) {
          REQUIRE(near(sums[static_cast<std::size_t>(row * tile.width + column)],
                       tile.expected_sum(row, column), kProductTolerance));
        }
      }
    }
  }
}

TEST_CASE("softmax over tiles gives the weights of one softmax, and unseen keys weigh nothing") {
  constexpr float kScale = 0.7F;
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
      CAPTURE(seed);
      RandomNumbers random(seed);
      const auto num_keys = random.between(1, 2 * kTileKeys);
      auto scores = random.floats(2 * kTileKeys);
      std::fill(scores.begin() + num_keys, scores.end(), kNan);
      SoftmaxState state{.largest = -std::numeric_limits<float>::infinity()};
      std::vector<Bf16> weights(2 * kTileKeys, kNanBits);
      float corrections[2] = {kNan, kNan};

      for (std::int32_t tile = 0; tile < 2; ++tile) {
        path_kernels(path).softmax(
            {.scores = scores.data() + tile * kTileKeys,
             .weights = weights.data() + tile * kTileKeys,
             .correction = corrections + tile,
             .state = &state,
             .scale_log2 = kScale * 1.44269504F,
             .num_keys = std::clamp(num_keys - tile * kTileKeys, 0, kTileKeys)});
      }

      double total = 0.0;
      double largest = -1e30;
      for (std::int32_t key = 0; key < num_keys; ++key) {
        largest = std::max(largest, double{scores[static_cast<std::size_t>(key)]});
      }
      for (std::int32_t key = 0; key < num_keys; ++key) {
        total += std::exp(kScale * (double{scores[static_cast<std::size_t>(key)]} - largest));
      }
      double sum = 0.0;
      for (const auto lane : state.sums) {
        sum += double{lane};
      }
      REQUIRE(near(sum, total, kRoundedTolerance));
      for (std::int32_t key = 0; key < 2 * kTileKeys; ++key) {
        double weight = double{widen(weights[static_cast<std::size_t>(key)])};
        weight *= key < kTileKeys ? double{corrections[1]} : 1.0;
        const auto score = double{scores[static_cast<std::size_t>(key)]};
        const double expected = key < num_keys ? std::exp(kScale * (score - largest)) : 0.0;
        REQUIRE(near(weight, expected, kRoundedTolerance));
        REQUIRE((key < num_keys || weight == 0.0));
      }
    }
  }
}

TEST_CASE("a tile in which a row sees no key changes nothing of the row") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    SoftmaxState state{.largest = 3.25F};
    std::fill(std::begin(state.sums), std::end(state.sums), 0.3F);
    const std::vector<float> scores(kTileKeys, kNan);
    std::vector<Bf16> weights(kTileKeys, kNanBits);
    float correction = kNan;

    path_kernels(path).softmax({.scores = scores.data(),
                                .weights = weights.data(),
                                .correction = &correction,
                                .state = &state,
                                .scale_log2 = 0.2F,
                                .num_keys = 0});

    CHECK(correction == 1.0F);
    CHECK(state.largest == 3.25F);
    CHECK(std::count(std::begin(state.sums), std::end(state.sums), 0.3F) == kVectorColumns);
    CHECK(std::count(weights.begin(), weights.end(), 0) == kTileKeys);
  }
}

TEST_CASE("norms divide by the root of the mean square") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    for (const std::int32_t n : {1, 2, 15, 16, 17, 64, 100, 384}) {
      CAPTURE(n);
      RandomNumbers random(static_cast<std::uint32_t>(n));
      const auto x = random.floats(n);
      const auto weight = random.floats(n);
      const NormArgs args{.x = x.data(), .weight = weight.data(), .n = n, .epsilon = 1e-3F};
      std::vector<Bf16> out(static_cast<std::size_t>(n) + 1, kNanBits);
      std::vector<float> wide(static_cast<std::size_t>(n) + 1, kNan);
      std::vector<float> plain(static_cast<std::size_t>(n) + 1, kNan);

      path_kernels(path).norm(args, out.data());
      path_kernels(path).norm_wide(args, wide.data());
      path_kernels(CpuPath::scalar).norm_wide(args, plain.data());

      double squares = 0.0;
      for (const auto value : x) {
        squares += double{value} * double{value};
      }
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double expected = double{x[i]} / std::sqrt(squares / n + 1e-3) * double{weight[i]};
        REQUIRE(near(wide[i], expected, 1e-6));
        REQUIRE(out[i] == narrow(wide[i]));
      }
      REQUIRE(out.back() == kNanBits);
      REQUIRE(same_bits(wide, plain));
    }
  }
}

TEST_CASE("rotation turns the pairs of a half apart by their angles") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    for (const std::int32_t half : {0, 1, 8, 16, 23, 64}) {
      CAPTURE(half);
      RandomNumbers random(static_cast<std::uint32_t>(half));
      const auto before = random.floats(2 * half + 1);
      const auto cosines = random.floats(half);
      const auto sines = random.floats(half);
      auto x = before;

      path_kernels(path).rotate(x.data(), cosines.data(), sines.data(), half);

      for (std::int32_t i = 0; i < half; ++i) {
        const auto a = static_cast<std::size_t>(i);
        const auto b = static_cast<std::size_t>(i + half);
        REQUIRE(x[a] == before[a] * cosines[a] - before[b] * sines[a]);
        REQUIRE(x[b] == before[b] * cosines[a] + before[a] * sines[a]);
      }
      REQUIRE(x.back() == before.back());
    }
  }
}

TEST_CASE("rows are rounded as single values are") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    RandomNumbers random(5);
    auto x = random.floats(1003);
    x[0] = kNan;
    x[1] = std::numeric_limits<float>::infinity();
    x[2] = -0.0F;
    x[3] = 1e-42F;
    x[4] = std::bit_cast<float>(0x7fffffffU);  // a NaN that rounding up would make a zero
    std::vector<Bf16> rounded(x.size(), kNanBits);
    std::vector<Bf16> scaled(x.size(), kNanBits);

    path_kernels(path).round(x.data(), rounded.data(), 1003);
    path_kernels(path).scale(x.data(), 0.5F, scaled.data(), 1003);

    CHECK(std::isnan(widen(rounded[0])));
    CHECK(std::isnan(widen(rounded[4])));
    for (std::size_t i = 5; i < x.size(); ++i) {
      REQUIRE(rounded[i] == narrow(x[i]));
      REQUIRE(scaled[i] == narrow(x[i] * 0.5F));
    }
    CHECK(rounded[1] == narrow(x[1]));
    CHECK(rounded[2] == narrow(x[2]));
    CHECK(std::abs(widen(rounded[3])) <= 1e-42F);  // a subnormal number may become 0
  }
}

TEST_CASE("the ends of a product add their bias, or none") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    for (const std::int32_t n : {1, 16, 33, 48}) {
      CAPTURE(n);
      RandomNumbers random(static_cast<std::uint32_t>(n));
      const auto size = static_cast<std::size_t>(n);
      const auto x = random.floats(n);
      const auto up = random.floats(n);
      const auto bias = random.floats(n);
      const auto start = random.floats(n);
      std::vector<float> stored(size, kNan);
      auto added = start;
      auto added_plain = start;
      std::vector<Bf16> gated(size, kNanBits);

      path_kernels(path).store(x.data(), bias.data(), stored.data(), n);
      path_kernels(path).add(x.data(), bias.data(), added.data(), n);
      path_kernels(path).add(x.data(), nullptr, added_plain.data(), n);
      path_kernels(path).swiglu(
          {.gate = x.data(), .up = up.data(), .gate_bias = bias.data(), .n = n}, gated.data());

      for (std::size_t i = 0; i < size; ++i) {
        REQUIRE(stored[i] == x[i] + bias[i]);
        REQUIRE(added[i] == start[i] + (x[i] + bias[i]));
        REQUIRE(added_plain[i] == start[i] + x[i]);
        const double gate = double{x[i] + bias[i]};
        REQUIRE(near(widen(gated[i]), gate / (1.0 + std::exp(-gate)) * double{up[i]},
                     kRoundedTolerance));
      }
    }
  }
}

TEST_CASE("the gate closes and opens without overflow") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(name(path));
    const std::vector<float> gate = {-1000.0F, -100.0F, 0.0F, 100.0F, 1000.0F};
    const std::vector<float> up(gate.size(), 2.0F);
    std::vector<Bf16> out(gate.size(), kNanBits);

    path_kernels(path).swiglu({.gate = gate.data(), .up = up.data(), .n = 5}, out.data());

    CHECK(std::abs(widen(out[0])) < 1e-30F);
    CHECK(std::abs(widen(out[1])) < 1e-30F);
    CHECK(widen(out[2]) == 0.0F);
    CHECK(widen(out[3]) == 200.0F);
    CHECK(widen(out[4]) == 2000.0F);
  }
}

TEST_CASE("the scalar path is always there, and the fastest is chosen by default") {
  const auto paths = available_cpu_paths();

  CHECK(paths.front() == CpuPath::scalar);
  CHECK(*choose_cpu_path(CpuPath::detect) == paths.back());
  for (const auto path : {CpuPath::scalar, CpuPath::avx2, CpuPath::avx512bf16}) {
    const auto chosen = choose_cpu_path(path);
    if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
      CHECK(*chosen == path);
    } else {
      CHECK(chosen.error().code == ErrorCode::unsupported);
    }
  }
  CHECK_THROWS_AS(static_cast<void>(path_kernels(CpuPath::detect)), InvariantViolation);
}

}  // namespace
}  // namespace troupe::cpu
