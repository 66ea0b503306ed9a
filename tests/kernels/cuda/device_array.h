// Arrays of a test on the device, and numbers to fill them with.
#pragma once

#include "kernels/cuda/bfloat16.h"
#include "kernels/cuda/device_memory.h"

#include <cuda_runtime_api.h>
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe::cuda {

/// Requires success, and shows the error otherwise.
template <class T>
T require(Result<T> result) {
  const auto message = result ? std::string() : result.error().message;
  INFO(message);
  REQUIRE(result.has_value());
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

/// An array on the device that starts as a copy, or as poison: bytes of 0xff are NaN in every
/// floating-point format.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    REQUIRE(cudaMemcpy(data(), values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice) ==
            cudaSuccess);
  }

  explicit DeviceArray(std::size_t size)
      : buffer_(require(allocate_device(size * sizeof(T), "a test"))), size_(size) {
    REQUIRE(cudaMemset(buffer_.data(), 0xff, size * sizeof(T)) == cudaSuccess);
  }

  [[nodiscard]] T* data() const { return buffer_.as<T>(); }

  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> values(size_);
    REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
    REQUIRE(cudaMemcpy(values.data(), data(), size_ * sizeof(T), cudaMemcpyDeviceToHost) ==
            cudaSuccess);
    return values;
  }

 private:
  DeviceBuffer buffer_;
  std::size_t size_;
};

inline std::vector<float> random_floats(std::size_t size, float bound, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-bound, bound);
  std::vector<float> values(size);
  for (auto& value : values) {
    value = uniform(random);
  }
  return values;
}

inline std::vector<Bf16> random_bf16(std::size_t size, float bound, std::mt19937& random) {
  std::vector<Bf16> values(size);
  const auto floats = random_floats(size, bound, random);
  for (std::size_t index = 0; index < size; ++index) {
    values[index] = __float2bfloat16(floats[index]);
  }
  return values;
}

inline double wide(Bf16 value) {
  return static_cast<double>(__bfloat162float(value));
}

/// ||actual - expected|| / ||expected||; NaN anywhere gives NaN, which passes no comparison.
template <class T>
double distance(const std::vector<T>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  double difference = 0.0;
  double size = 0.0;
  for (std::size_t index = 0; index < actual.size(); ++index) {
    double value = 0.0;
    if constexpr (std::is_same_v<T, Bf16>) {
      value = wide(actual[index]);
    } else {
      value = static_cast<double>(actual[index]);
    }
    difference += (value - expected[index]) * (value - expected[index]);
    size += expected[index] * expected[index];
  }
  return std::sqrt(difference / size);
}

/// The bits, for comparisons in which -0 and 0 differ.
inline std::vector<std::uint16_t> bits_of(const std::vector<Bf16>& values) {
  std::vector<std::uint16_t> bits(values.size());
  for (std::size_t index = 0; index < values.size(); ++index) {
    bits[index] = __bfloat16_as_ushort(values[index]);
  }
  return bits;
}

/// One rounding to bfloat16 and a little float32: what a correct kernel strays from float64.
inline constexpr double kBf16Distance = 4e-3;

}  // namespace troupe::cuda
