// What a product's bits may not depend on: where its chains are cut, how many rows it has, and how
// many threads share it. Whole products against plain arithmetic stand beside the packing's tests.
#include "kernels/cpu/matmul.h"

#include "tests/kernels/cpu/random_numbers.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

namespace troupe::cpu {
namespace {

using test::kNan;
using test::RandomNumbers;

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// A matrix of random bits in the packed order: which output a column is does not matter here.
struct Matrix {
  Matrix(RandomNumbers& random, std::int32_t num_outputs, std::int32_t num_inputs)
      : storage(random.narrow_floats(packed_elements(num_outputs, num_inputs))),
        packed{.data = storage.data(), .num_outputs = num_outputs, .num_inputs = num_inputs} {}

  std::vector<Bf16> storage;
  PackedMatrix packed;
};

/// More inputs than a block of a panel, a last panel that is narrow, more rows than one chunk.
struct Case {
  explicit Case(std::uint32_t seed)
      : random(seed),
        inputs(2 * random.between(1, 1300)),
        outputs(random.between(1, 130)),
        first(random, outputs, inputs),
        second(random, outputs, inputs),
        x(random.narrow_floats(std::int64_t{kMaxRows} * inputs)) {}

  [[nodiscard]] Rows rows(std::int32_t begin, std::int32_t count) const {
    return {.data = x.data() + std::int64_t{begin} * inputs, .stride = inputs, .count = count};
  }

  [[nodiscard]] std::vector<float> product(const Machine& machine,
                                           std::int32_t begin,
                                           std::int32_t count) const {
    std::vector<float> out(static_cast<std::size_t>(count) * static_cast<std::size_t>(outputs),
                           kNan);
    multiply(machine, rows(begin, count), first.packed, {.data = out.data(), .stride = outputs});
    return out;
  }

  [[nodiscard]] std::vector<Bf16> gated(const Machine& machine,
                                        std::int32_t begin,
                                        std::int32_t count) const {
    std::vector<Bf16> out(static_cast<std::size_t>(count) * static_cast<std::size_t>(outputs));
    multiply_gated(machine, rows(begin, count), {.gate = &first.packed, .up = &second.packed},
                   {.data = out.data(), .stride = outputs});
    return out;
  }

  static constexpr std::int32_t kMaxRows = 140;

  RandomNumbers random;
  std::int32_t inputs;
  std::int32_t outputs;
  Matrix first;
  Matrix second;
  std::vector<Bf16> x;
};

TEST_CASE("a product that is cut between two pairs goes on as if it had not been") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(std::string(to_string(path)));
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
      CAPTURE(seed);
      RandomNumbers random(seed);
      const auto pairs = random.between(1, 60);
      const auto cut = random.between(0, pairs);
      const auto vectors = random.between(1, kPanelVectors);
      const auto x = random.narrow_floats(std::int64_t{kTileRows} * 2 * pairs);
      const auto panel = random.narrow_floats(std::int64_t{pairs} * vectors * kVectorColumns * 2);
      std::vector<float> whole(kTileRows * kPanelColumns, kNan);
      auto parts = whole;
      ProductArgs args{.x = x.data(),
                       .x_stride = std::int64_t{2} * pairs,
                       .panel = panel.data(),
                       .out = whole.data(),
                       .rows = random.between(1, kTileRows),
                       .vectors = vectors,
                       .pairs = pairs};
      path_kernels(path).product(args);

      args.out = parts.data();
      args.pairs = cut;
      args.ahead = {.from = panel.data(), .vectors = 1};
      path_kernels(path).product(args);
      args.x += std::ptrdiff_t{2} * cut;
      args.panel += std::ptrdiff_t{2} * cut * vectors * kVectorColumns;
      args.pairs = pairs - cut;
      args.adds = true;
      args.ahead.vectors = kPanelVectors;
      path_kernels(path).product(args);

      REQUIRE(same_bits(parts, whole));
    }
  }
}

TEST_CASE("a row of a product has the same bits alone, in any batch and with any team") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(std::string(to_string(path)));
    ThreadTeam alone(1);
    ThreadTeam shared(3);
    const Machine one{.team = &alone, .kernels = &path_kernels(path)};
    const Machine three{.team = &shared, .kernels = &path_kernels(path)};
    for (const std::uint32_t seed : {1U, 2U, 3U, 4U}) {
      CAPTURE(seed);
      const Case matrices(seed);
      std::vector<float> expected;
      std::vector<Bf16> expected_gated;
      for (std::int32_t row = 0; row < Case::kMaxRows; ++row) {
        const auto sums = matrices.product(one, row, 1);
        expected.insert(expected.end(), sums.begin(), sums.end());
        const auto values = matrices.gated(one, row, 1);
        expected_gated.insert(expected_gated.end(), values.begin(), values.end());
      }
      for (const std::int32_t rows : {1, 2, 6, 7, 8, 9, 15, 16, 17, 24, 25, 63, 64, 65, 128, 140}) {
        CAPTURE(rows);
        const auto count = static_cast<std::ptrdiff_t>(rows) * matrices.outputs;
        REQUIRE(same_bits(matrices.product(three, 0, rows),
                          {expected.begin(), expected.begin() + count}));
        REQUIRE(same_bits(matrices.gated(three, 0, rows),
                          {expected_gated.begin(), expected_gated.begin() + count}));
      }
    }
  }
}

TEST_CASE("no rows are a product, too") {
  RandomNumbers random(1);
  const Matrix matrix(random, 50, 20);
  ThreadTeam team(2);
  float untouched = kNan;

  multiply({.team = &team, .kernels = &path_kernels(CpuPath::scalar)},
           {.data = nullptr, .stride = 0, .count = 0}, matrix.packed,
           {.data = &untouched, .stride = 50});

  CHECK(std::isnan(untouched));
}

}  // namespace
}  // namespace troupe::cpu
