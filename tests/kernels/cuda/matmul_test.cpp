#include "kernels/cuda/matmul.h"

#include "kernels/cuda/skinny_matmul.h"

#include "tests/kernels/cuda/device_array.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace troupe::cuda {
namespace {

struct Shape {
  std::int32_t num_rows, num_outputs, num_inputs;
};

std::vector<double> expected_product(const std::vector<Bf16>& x,
                                     const std::vector<Bf16>& weight,
                                     const Shape& shape) {
  std::vector<double> wide_x(x.size());
  std::vector<double> wide_weight(weight.size());
  std::transform(x.begin(), x.end(), wide_x.begin(), wide);
  std::transform(weight.begin(), weight.end(), wide_weight.begin(), wide);
  const auto k = static_cast<std::size_t>(shape.num_inputs);
  std::vector<double> y;
  for (std::size_t row = 0; row < static_cast<std::size_t>(shape.num_rows); ++row) {
    for (std::size_t output = 0; output < static_cast<std::size_t>(shape.num_outputs); ++output) {
      double sum = 0.0;
      for (std::size_t i = 0; i < k; ++i) {
        sum += wide_x[row * k + i] * wide_weight[output * k + i];
      }
      y.push_back(sum);
    }
  }
  return y;
}

std::size_t product(std::int32_t a, std::int32_t b) {
  return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
}

}  // namespace

TEST_CASE("a CUDA matrix product is what float64 says, prepared or not") {
  std::mt19937 random(11);
  for (const auto& shape : {Shape{1, 384, 128}, Shape{3, 1000, 896}, Shape{33, 256, 1096}}) {
    CAPTURE(shape.num_rows);
    const auto x = random_bf16(product(shape.num_rows, shape.num_inputs), 1.0F, random);
    const auto weight = random_bf16(product(shape.num_outputs, shape.num_inputs), 1.0F, random);
    const DeviceArray<Bf16> x_on_device(x);
    const DeviceArray<Bf16> weight_on_device(weight);
    const DeviceArray<Bf16> narrow(product(shape.num_rows, shape.num_outputs));
    const DeviceArray<float> full(product(shape.num_rows, shape.num_outputs));
    MatmulArgs args{.x = x_on_device.data(),
                    .weight = weight_on_device.data(),
                    .y = narrow.data(),
                    .num_rows = shape.num_rows,
                    .num_outputs = shape.num_outputs,
                    .num_inputs = shape.num_inputs};
    auto matmul = require(Matmul::make());
    const Bf16* const weights[] = {args.weight};

    require(matmul.run(args, nullptr));
    args.output = MatmulOutput::float32;
    args.y = full.data();
    require(matmul.prepare({args, weights}, nullptr));
    require(matmul.run(args, nullptr));

    const auto expected = expected_product(x, weight, shape);
    CHECK(distance(narrow.values(), expected) < kBf16Distance);
    CHECK(distance(full.values(), expected) < 1e-5);
  }
}

TEST_CASE("a row of a CUDA matrix product has the same bits whatever rows stand beside it") {
  std::mt19937 random(12);
  const std::int32_t most = 300;
  for (const auto& shape : {Shape{most, 1536, 4096}, Shape{most, 4096, 1408}}) {
    const auto n = shape.num_outputs;
    const auto x = random_bf16(product(most, shape.num_inputs), 1.0F, random);
    const auto weight = random_bf16(product(n, shape.num_inputs), 1.0F, random);
    const DeviceArray<Bf16> x_on_device(x);
    const DeviceArray<Bf16> weight_on_device(weight);
    const DeviceArray<Bf16> y(product(most, n));
    MatmulArgs args{.x = x_on_device.data(),
                    .weight = weight_on_device.data(),
                    .y = y.data(),
                    .num_rows = most,
                    .num_outputs = n,
                    .num_inputs = shape.num_inputs};
    auto matmul = require(Matmul::make());
    const Bf16* const weights[] = {args.weight};
    require(matmul.prepare({args, weights}, nullptr));
    require(matmul.run(args, nullptr));
    const auto all = bits_of(y.values());

    for (const std::int32_t num_rows : {1, 2, 3, 7, 8, 16, 17, 32, 33, 64, 100, 128, 129, 256}) {
      CAPTURE(num_rows);
      for (const std::int32_t first : {0, most - num_rows}) {
        args.x = x_on_device.data() + product(first, shape.num_inputs);
        args.num_rows = num_rows;
        require(matmul.run(args, nullptr));
        const auto some = bits_of(y.values());
        const auto expected = all.begin() + std::int64_t{first} * n;
        CHECK(std::equal(expected, expected + std::int64_t{num_rows} * n, some.begin()));
      }
    }
  }
}

TEST_CASE("the skinny CUDA matrix product has the bits of cuBLASLt's, in both formats") {
  std::mt19937 random(13);
  for (const auto& shape : {Shape{8, 1536, 4096}, Shape{8, 4096, 11008}, Shape{8, 384, 128}}) {
    const auto x = random_bf16(product(shape.num_rows, shape.num_inputs), 1.0F, random);
    const auto weight = random_bf16(product(shape.num_outputs, shape.num_inputs), 1.0F, random);
    const DeviceArray<Bf16> x_on_device(x);
    const DeviceArray<Bf16> weight_on_device(weight);
    auto matmul = require(Matmul::make());
    for (std::int32_t num_rows = 1; num_rows <= kMaxSkinnyRows; ++num_rows) {
      CAPTURE(num_rows);
      const DeviceArray<Bf16> ours(product(num_rows, shape.num_outputs));
      const DeviceArray<Bf16> theirs(product(num_rows, shape.num_outputs));
      const DeviceArray<float> ours_full(product(num_rows, shape.num_outputs));
      const DeviceArray<float> theirs_full(product(num_rows, shape.num_outputs));
      MatmulArgs args{.x = x_on_device.data(),
                      .weight = weight_on_device.data(),
                      .y = ours.data(),
                      .num_rows = num_rows,
                      .num_outputs = shape.num_outputs,
                      .num_inputs = shape.num_inputs};
      require(skinny_matmul(args, nullptr));
      args.y = theirs.data();
      require(matmul.run(args, nullptr));
      args.output = MatmulOutput::float32;
      args.y = ours_full.data();
      require(skinny_matmul(args, nullptr));
      args.y = theirs_full.data();
      require(matmul.run(args, nullptr));

      CHECK(bits_of(ours.values()) == bits_of(theirs.values()));
      CHECK(ours_full.values() == theirs_full.values());
    }
  }
}

}  // namespace troupe::cuda
