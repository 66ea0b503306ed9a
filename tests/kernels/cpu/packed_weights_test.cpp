// Packing, seen through the products that it is made for.
#include "kernels/cpu/packed_weights.h"

#include "engine/base/check.h"
#include "kernels/cpu/host_memory.h"
#include "kernels/cpu/matmul.h"

#include "tests/kernels/cpu/random_numbers.h"

#include <doctest/doctest.h>

#include <string>

namespace troupe::cpu {
namespace {

using test::kNan;
using test::near;
using test::RandomNumbers;

struct Matrix {
  Matrix(RandomNumbers& random, std::int32_t n, std::int32_t k)
      : values(random.narrow_floats(std::int64_t{n} * k)) {
    view = {.dtype = DType::bfloat16,
            .shape = {n, k},
            .data = reinterpret_cast<const std::byte*>(values.data())};
  }

  [[nodiscard]] double at(std::int64_t row, std::int64_t column) const {
    return double{widen(values[static_cast<std::size_t>(row * view.shape[1] + column)])};
  }

  std::vector<Bf16> values;
  TensorView view;
};

PackedMatrix pack_into(std::vector<Bf16>& storage,
                       std::span<const TensorView> parts,
                       ThreadTeam& team) {
  std::int64_t n = 0;
  for (const auto& part : parts) {
    n += part.shape[0];
  }
  storage.assign(static_cast<std::size_t>(packed_elements(
                     static_cast<std::int32_t>(n), static_cast<std::int32_t>(parts[0].shape[1]))),
                 0);
  return pack(parts, storage.data(), team);
}

TEST_CASE("stacked matrices of any size multiply as one, whatever the path and the threads") {
  for (const auto path : available_cpu_paths()) {
    for (std::uint32_t seed = 0; seed < 25; ++seed) {
      CAPTURE(std::string(to_string(path)));
      CAPTURE(seed);
      RandomNumbers random(seed);
      const auto k = random.between(1, 90);
      const Matrix first(random, random.between(1, 120), k);
      const Matrix second(random, random.between(1, 60), k);
      const auto rows = random.between(0, 150);
      const std::int64_t stride = k + 1 + random.between(0, 3);
      auto x = random.narrow_floats((rows + 1) * stride);
      for (std::int32_t row = 0; row < rows; ++row) {
        x[static_cast<std::size_t>(row * stride + k)] = 0;  // beyond an odd K
      }
      ThreadTeam team(1 + static_cast<std::int32_t>(seed % 3));
      const Machine machine{.team = &team, .kernels = &path_kernels(path)};
      std::vector<Bf16> storage;
      const TensorView parts[] = {first.view, second.view};
      const auto matrix = pack_into(storage, parts, team);
      const auto n = matrix.num_outputs;
      const auto bias = random.floats(n);
      std::vector<float> out(static_cast<std::size_t>(rows) * static_cast<std::size_t>(n), kNan);

      const Rows input{.data = x.data(), .stride = stride, .count = rows};
      multiply(machine, input, matrix, {.data = out.data(), .stride = n, .bias = bias.data()});
      const auto once = out;
      multiply_add(machine, input, matrix, {.data = out.data(), .stride = n});

      REQUIRE(n == first.view.shape[0] + second.view.shape[0]);
      for (std::int32_t row = 0; row < rows; ++row) {
        for (std::int32_t column = 0; column < n; ++column) {
          double sum = 0.0;
          for (std::int32_t i = 0; i < k; ++i) {
            const auto below = column - first.view.shape[0];
            sum += double{widen(x[static_cast<std::size_t>(row * stride + i)])} *
                   (below < 0 ? first.at(column, i) : second.at(below, i));
          }
          const auto index = static_cast<std::size_t>(row * n + column);
          const double biased = sum + double{bias[static_cast<std::size_t>(column)]};
          REQUIRE(near(once[index], biased, 1e-5));
          REQUIRE(near(out[index], biased + sum, 1e-5));
        }
      }
    }
  }
}

TEST_CASE("a gated product multiplies the open gate with what goes up") {
  for (const auto path : available_cpu_paths()) {
    CAPTURE(std::string(to_string(path)));
    RandomNumbers random(3);
    constexpr std::int32_t kInputs = 32;
    constexpr std::int32_t kOutputs = 75;
    constexpr std::int32_t kRows = 21;
    const Matrix gate(random, kOutputs, kInputs);
    const Matrix up(random, kOutputs, kInputs);
    const auto x = random.narrow_floats(kRows * kInputs);
    ThreadTeam team(2);
    std::vector<Bf16> gate_storage;
    std::vector<Bf16> up_storage;
    const auto packed_gate = pack_into(gate_storage, std::span(&gate.view, 1), team);
    const auto packed_up = pack_into(up_storage, std::span(&up.view, 1), team);
    const auto up_bias = random.floats(kOutputs);
    std::vector<Bf16> out(kRows * kOutputs, test::kNanBits);

    multiply_gated({.team = &team, .kernels = &path_kernels(path)},
                   {.data = x.data(), .stride = kInputs, .count = kRows},
                   {.gate = &packed_gate, .up = &packed_up, .up_bias = up_bias.data()},
                   {.data = out.data(), .stride = kOutputs});

    for (std::int32_t row = 0; row < kRows; ++row) {
      for (std::int32_t column = 0; column < kOutputs; ++column) {
        double opening = 0.0;
        double rising = double{up_bias[static_cast<std::size_t>(column)]};
        for (std::int32_t i = 0; i < kInputs; ++i) {
          const double value = double{widen(x[static_cast<std::size_t>(row * kInputs + i)])};
          opening += value * gate.at(column, i);
          rising += value * up.at(column, i);
        }
        REQUIRE(near(widen(out[static_cast<std::size_t>(row * kOutputs + column)]),
                     opening / (1.0 + std::exp(-opening)) * rising, 1.0 / 128.0));
      }
    }
  }
}

TEST_CASE("wider numbers are rounded to bfloat16 when they are packed") {
  const std::vector<float> values = {1.0F, 1.004F, -3.14159F, 1e-30F};
  const std::vector<std::uint16_t> halves = {0x3c00, 0xc248, 0x0001, 0x7bff};
  const TensorView wide{.dtype = DType::float32,
                        .shape = {2, 2},
                        .data = reinterpret_cast<const std::byte*>(values.data())};
  const TensorView half{.dtype = DType::float16,
                        .shape = {2, 2},
                        .data = reinterpret_cast<const std::byte*>(halves.data())};
  ThreadTeam team(1);
  std::vector<Bf16> storage;

  static_cast<void>(pack_into(storage, std::span(&wide, 1), team));
  CHECK(storage[0] == narrow(values[0]));
  CHECK(storage[1] == narrow(values[1]));
  CHECK(storage[2] == narrow(values[2]));
  CHECK(storage[3] == narrow(values[3]));

  static_cast<void>(pack_into(storage, std::span(&half, 1), team));
  CHECK(widen(storage[0]) == 1.0F);
  CHECK(widen(storage[1]) == -3.140625F);
  CHECK(storage[2] == narrow(0x1p-24F));
  CHECK(storage[3] == narrow(65504.0F));
}

TEST_CASE("a missing bias counts as zeros beside one that is there, and as none alone") {
  const std::vector<float> values = {1.5F, 2.5F};
  const TensorView present{.dtype = DType::float32,
                           .shape = {2},
                           .data = reinterpret_cast<const std::byte*>(values.data())};
  const std::int32_t sizes[] = {3, 2};

  const TensorView both[] = {TensorView(), present};
  CHECK(widen_vectors(both, sizes) == std::vector<float>{0.0F, 0.0F, 0.0F, 1.5F, 2.5F});
  const TensorView none[] = {TensorView(), TensorView()};
  CHECK(widen_vectors(none, sizes).empty());
  const TensorView wrong[] = {present, present};
  CHECK_THROWS_AS(static_cast<void>(widen_vectors(wrong, sizes)), InvariantViolation);
}

TEST_CASE("memory that the machine does not have is refused with the numbers") {
  const auto refused = HostMemory::reserve(std::int64_t{1} << 60U, "a test");

  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::resource_exhausted);
  CHECK(refused.error().message.find("1152921504606846976") != std::string::npos);
}

TEST_CASE("an arena's pieces are zeroed, apart, and no more than there is room for") {
  Arena arena(*HostMemory::reserve(256, "a test"));

  auto* const first = arena.take<float>(3);
  auto* const second = arena.take<float>(16);

  CHECK(first[0] == 0.0F);
  CHECK(second - first == 16);
  CHECK_THROWS_AS(static_cast<void>(arena.take<float>(33)), InvariantViolation);
}

}  // namespace
}  // namespace troupe::cpu
