#include "kernels/reference/reference_weights.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace troupe {
namespace {

template <class T>
std::vector<float> widened(DType dtype, const std::vector<T>& values) {
  return widen(TensorView{.dtype = dtype,
                          .shape = {static_cast<std::int64_t>(values.size())},
                          .data = reinterpret_cast<const std::byte*>(values.data())});
}

TEST_CASE("bfloat16 widens to the float with the same leading bits") {
  CHECK(widened<std::uint16_t>(DType::bfloat16, {0x3f80, 0xc049, 0x0000, 0x7f80}) ==
        std::vector<float>{1.0F, -3.140625F, 0.0F, std::numeric_limits<float>::infinity()});
}

TEST_CASE("float16 widens exactly: normal, subnormal, largest, infinite") {
  CHECK(widened<std::uint16_t>(DType::float16,
                               {0x3c00, 0xc000, 0x3555, 0x0001, 0x83ff, 0x7bff, 0xfc00}) ==
        std::vector<float>{1.0F, -2.0F, 0.333251953125F, 0x1p-24F, -1023 * 0x1p-24F, 65504.0F,
                           -std::numeric_limits<float>::infinity()});
  CHECK(std::isnan(widened<std::uint16_t>(DType::float16, {0x7e00}).front()));
}

TEST_CASE("float32 stays, and a tensor that is not there is empty") {
  CHECK(widened<float>(DType::float32, {0.1F, -7.0F}) == std::vector<float>{0.1F, -7.0F});
  CHECK(widen(TensorView{}).empty());
}

}  // namespace
}  // namespace troupe
