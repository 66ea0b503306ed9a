#include "engine/scheduling/step_pace.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::int32_t kUnknown = 777;

TEST_CASE("before the first prefill nothing is known") {
  StepPace pace;
  CHECK(pace.prefill_tokens_within(10ms, kUnknown) == kUnknown);
  pace.observe(0, 8, 5ms);
  CHECK(pace.prefill_tokens_within(10ms, kUnknown) == kUnknown);
}

TEST_CASE("what the decodes leave of the target goes to prefill tokens at their price") {
  StepPace pace;
  pace.observe(0, 8, 5ms);
  pace.observe(100, 8, 15ms);  // 0.1 ms a token

  CHECK(pace.prefill_tokens_within(10ms, kUnknown) == 50);
  CHECK(pace.prefill_tokens_within(5ms, kUnknown) == 0);
  CHECK(pace.prefill_tokens_within(1ms, kUnknown) == 0);
}

// A device whose steps take 2 ms for the decodes and 0.05 ms a prefill token; later twice that.
TEST_CASE("the budget follows the device to its target, also when the device changes") {
  StepPace pace;
  pace.observe(0, 8, 2ms);
  Duration price = 50us;
  std::int32_t budget = 16;
  const auto settle = [&] {
    for (std::int32_t step = 0; step < 100; ++step) {
      pace.observe(budget, 8, 2ms + budget * price);
      budget = pace.prefill_tokens_within(10ms, kUnknown);
    }
    return 2ms + budget * price;
  };

  CHECK(settle() <= 10ms);
  CHECK(budget >= 158);
  price = 100us;
  CHECK(settle() <= 10100us);
  CHECK(budget >= 78);
}

}  // namespace
}  // namespace troupe
